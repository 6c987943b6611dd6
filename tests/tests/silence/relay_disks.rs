//! A disk that turns bad under a relay that runs: typed refusals, everything acknowledged stays, what it has can be read,
//! and it goes on by itself, the same process, when the disk is good again.

use wardline_tests::{Device, Owner, Ward, programs};

use crate::mounts::{ReadOnly, SmallDisk, in_own_namespace};

/// A ward whose relay runs on a small disk, and two who talk.
struct Scene {
    ward: Ward,
    disk: SmallDisk,
    doctor: Device,
    nurse: Device,
    pid: u32,
    _open: Vec<Owner>,
}

impl Scene {
    fn open() -> Self {
        let mut ward = Ward::stopped(programs!());
        let disk = SmallDisk::over(ward.relay.folder(), 24);
        ward.relay.start();
        let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
        doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
        doctor.cli(&["send", "Ward 4", "before"]).good();
        let pid = ward.relay.process().pid();
        // Opening a vault is counted on the relay's disk: those that are open go on.
        let open = vec![doctor.follow(), nurse.follow(), ward.administrator.follow()];
        Self { ward, disk, doctor, nurse, pid, _open: open }
    }

    /// Nothing can be written: a message waits, a request that cannot wait is refused with its kind, and what is there
    /// can be read.
    #[track_caller]
    fn only_reads(&self, text: &str, known: &[&str]) {
        let queued = self.doctor.cli(&["send", "Ward 4", text]);
        assert_eq!(queued.status, 75, "{queued:?}");
        let refused =
            self.ward.administrator.cli(&["admin", "invite", "nobody", "--name", "Nobody", "--json"]);
        let failure = refused.failed(69).failure();
        assert_eq!(failure["kind"], "unavailable", "{failure}");
        assert_eq!(failure["what"], "The relay cannot take it now.", "{failure}");
        assert_eq!(texts(&self.nurse), known);
    }

    /// Everything is as it would be if the disk had never been bad, by the same process.
    #[track_caller]
    fn goes_on(&self, known: &[&str]) {
        assert_eq!(self.doctor.ask(&["sync"])["queued"], 0);
        self.ward.administrator.cli(&["admin", "invite", "somebody", "--name", "Somebody"]).good();
        assert_eq!((texts(&self.doctor), texts(&self.nurse)), (owned(known), owned(known)));
        assert_eq!(self.ward.relay.process().pid(), self.pid, "nobody started it anew");
        assert!(!std::path::Path::new("/proc").exists() || is_alive(self.pid));
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

/// What a device shows once it has taken in everything.
fn texts(device: &Device) -> Vec<String> {
    device.cli(&["sync"]).good();
    let read = device.ask_all(&["read", "Ward 4", "--offline"]);
    let texts = read.iter().filter(|one| one["kind"] == "text");
    texts.map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_disk_that_fills_up_under_a_running_relay_is_named_and_it_goes_on() {
    in_own_namespace(
        "relay_disks::a_disk_that_fills_up_under_a_running_relay_is_named_and_it_goes_on",
        || {
            let scene = Scene::open();
            for (turn, known) in [&["before"][..], &["before", "full 0"]].into_iter().enumerate() {
                scene.disk.fill(0);
                let text = format!("full {turn}");
                scene.only_reads(&text, known);
                scene.disk.free();
                scene.goes_on(&[known, &[&text]].concat());
            }
            assert!(scene.ward.relay.log().contains("the disk is full"), "the operator can see why");
        },
    );
}

#[test]
fn a_disk_that_turns_read_only_under_a_running_relay_is_named_and_it_goes_on() {
    in_own_namespace(
        "relay_disks::a_disk_that_turns_read_only_under_a_running_relay_is_named_and_it_goes_on",
        || {
            let scene = Scene::open();
            // Linux lets nobody turn a mount read-only under a file that is open for writing; after a failed write the
            // relay opens its file anew, and that one is on the read-only mount.
            scene.disk.fill(0);
            scene.only_reads("full", &["before"]);
            scene.disk.free();
            let disk = ReadOnly::over(scene.ward.relay.folder());
            scene.only_reads("read-only", &["before"]);
            disk.end();
            scene.goes_on(&["before", "full", "read-only"]);
            let log = scene.ward.relay.log();
            assert!(log.contains("the database cannot be used now"), "the operator can see why: {log}");
        },
    );
}
