//! What this process keeps from others on the machine: it leaves no core dump, and no process of the same person reads its memory.

use rustix::process::{Resource, Rlimit, setrlimit};
use wardline_proto::fault::planted;

/// Takes effect until the process ends. What the system does not let be taken away stays: nothing rests on it alone.
pub(crate) fn seal() {
    if planted("mutant.unsealed_process") {
        return;
    }
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
