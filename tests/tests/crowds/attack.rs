//! Where attackers run: threads with the lowest priority, since in the world they have machines of their own.

use std::{fs, future::Future, process::Command};

use tokio::runtime::Runtime;

/// Runs attacks beside the scene; dropping it ends them.
pub(crate) struct Attackers(Option<Runtime>);

impl Attackers {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .on_thread_start(yield_to_others)
            .build();
        Self(Some(runtime.expect("a runtime")))
    }

    /// Starts one.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        attack: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.0.as_ref().expect("there until dropped").spawn(attack)
    }

    /// Waits for one.
    pub(crate) fn end<T>(&self, attack: tokio::task::JoinHandle<T>) -> T {
        self.0.as_ref().expect("there until dropped").block_on(attack).expect("an attack does not fail")
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// This thread gets what the relay and the others leave of the machine.
fn yield_to_others() {
    let link = fs::read_link("/proc/thread-self").expect("a thread");
    let thread = link.file_name().and_then(|name| name.to_str()).expect("a number").to_owned();
    let status = Command::new("renice").args(["-n", "19", "-p", &thread]).output();
    assert!(status.is_ok_and(|output| output.status.success()), "renice");
}
