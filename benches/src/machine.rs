//! Where and how figures were taken: without it they say nothing.

use std::{fs, path::Path, process::Command};

use serde::Serialize;
use wardline_client_core::api::rfc3339;
use wardline_identity::{Clock as _, SystemClock};

/// The header of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Header {
    /// The machine.
    pub machine: Machine,
    /// The commit of the sources, with "+" if they were changed since; absent outside of a repository.
    pub commit: Option<String>,
    /// The command.
    pub command: String,
    /// When it began, UTC.
    pub time: String,
    /// Whether it was built without optimisation: such figures mean nothing.
    pub unoptimised: bool,
}

/// A machine, as far as it decides figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The processor's model.
    pub cpu: String,
    /// How many cores this process may use.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// The file system of the folder that is measured.
    pub filesystem: String,
    /// How many processes wanted to run in the last minute, at the start: beside a load, figures are noise and
    /// only ratios are worth something.
    pub load: String,
}

impl Header {
    /// This run's, with its databases in `folder`.
    #[must_use]
    pub fn of_this_run(command: String, folder: &Path) -> Self {
        Self {
            machine: Machine::this(folder),
            commit: commit(),
            command,
            time: rfc3339(SystemClock.now()),
            unoptimised: cfg!(debug_assertions),
        }
    }

    /// The header as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a header holds text and numbers only")
    }
}

impl Machine {
    /// Whether as many processes wanted to run as there are cores, before this one began.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let cores = u32::try_from(self.cores).unwrap_or(u32::MAX);
        self.load.parse::<f64>().is_ok_and(|load| load >= f64::from(cores))
    }

    fn this(folder: &Path) -> Self {
        let unknown = || "unknown".to_owned();
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo").lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == "model name").then(|| value.trim().to_owned())
        });
        let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
        let load = read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
        Self {
            cpu: cpu.unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            kernel: if kernel.is_empty() { std::env::consts::OS.to_owned() } else { kernel },
            filesystem: filesystem(&read("/proc/mounts"), folder).unwrap_or_else(unknown),
            load: if load.is_empty() { unknown() } else { load },
        }
    }
}

/// The type of the file system a folder is in, by the table of mounts.
fn filesystem(mounts: &str, folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let under = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (point, kind) = (fields.next()?, fields.next()?);
        folder.starts_with(point).then(|| (point.len(), kind.to_owned()))
    });
    // The last of the longest: a later mount hides an earlier one.
    under.max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).output().ok().filter(|done| done.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?.trim().to_owned();
    // The report itself is written by the run.
    let changed = git(&["status", "--porcelain", "--", ":/", ":(exclude,top)docs/benchmarks.md"])?;
    Some(if changed.trim().is_empty() { commit } else { commit + "+" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmpo xfs rw 0 0\n";
        let kind = |folder: &str| filesystem(mounts, Path::new(folder));
        assert_eq!(kind("/nowhere/here").as_deref(), Some("ext4"));
        assert_eq!(kind("/tmp/not-there/x").as_deref(), Some("tmpfs"));
        assert_eq!(filesystem("", Path::new("/")), None);
    }

    #[test]
    fn a_header_is_one_line_of_json() {
        let header = Header::of_this_run("benchmarks --quick".to_owned(), Path::new("/"));
        let object: serde_json::Value = serde_json::from_str(&header.to_json()).unwrap();
        assert!(!header.to_json().contains('\n'));
        assert_eq!(object["command"], "benchmarks --quick");
        assert!(object["machine"]["cores"].as_u64().is_some_and(|cores| cores > 0));
    }
}
