//! Full and read-only disks under the vault and under the relay: named, with status 74, and nothing lost.

use wardline_tests::{Device, Output, Ward, programs};

use crate::mounts::{ReadOnly, SmallDisk, in_own_namespace};

fn texts(device: &Device) -> Vec<String> {
    let read = device.ask_all(&["read", "Ward 4", "--offline"]);
    read.iter()
        .filter(|one| one["kind"] == "text")
        .map(|one| one["text"].as_str().unwrap().to_owned())
        .collect()
}

/// As above, with everything taken in first: what was sent comes back through the log.
fn texts_now(device: &Device) -> Vec<String> {
    device.cli(&["sync"]).good();
    texts(device)
}

fn talk(ward: &Ward) -> [Device; 2] {
    let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    doctor.cli(&["send", "Ward 4", "before"]).good();
    [doctor, nurse]
}

#[track_caller]
fn names_the_disk(output: Output, what: &str) {
    let output = output.failed(74);
    assert!(output.stderr.contains(what), "“{what}” expected: {}", output.stderr);
}

#[track_caller]
fn names_relay(output: &Output) {
    assert_eq!(output.status, 69, "{output:?}");
    assert!(output.stderr.contains("STORAGE_FULL"), "{output:?}");
}

#[test]
fn a_full_disk_under_the_vault_is_named_and_nothing_is_lost() {
    in_own_namespace("disks::a_full_disk_under_the_vault_is_named_and_nothing_is_lost", || {
        let ward = Ward::founded(programs!());
        let [doctor, nurse] = talk(&ward);
        let disk = SmallDisk::over(&doctor.home, 24);
        let long = "x".repeat(60_000);
        names_the_disk(
            {
                disk.fill(0);
                doctor.cli(&["status"])
            },
            "The disk is full.",
        );
        disk.free();
        // A vault that is open reads on a full disk.
        let owner = doctor.follow();
        for leaving in [0, 4_096, 16_384, 49_152] {
            disk.fill(leaving);
            let send = ["send", "Ward 4", "-", "--offline"];
            names_the_disk(doctor.cli_with_input(&send, &long), "The disk is full.");
            assert_eq!(texts(&doctor), ["before"], "what is there can be read");
            disk.free();
            assert_eq!(doctor.ask(&["status", "--offline"])["queued"], 0, "nothing half written");
        }
        drop(owner);
        // In the middle of following, too: what came meanwhile is taken in when there is room.
        nurse.cli(&["send", "Ward 4", "while it was full"]).good();
        disk.fill(0);
        let sync = doctor.cli(&["sync"]);
        assert!(matches!(sync.status, 74 | 69), "{sync:?}");
        disk.free();
        doctor.cli(&["send", "Ward 4", "after"]).good();
        assert_eq!(texts_now(&doctor), ["before", "while it was full", "after"]);
    });
}

#[test]
fn a_read_only_disk_under_the_vault_is_named_and_nothing_is_lost() {
    in_own_namespace("disks::a_read_only_disk_under_the_vault_is_named_and_nothing_is_lost", || {
        let ward = Ward::founded(programs!());
        let [doctor, nurse] = talk(&ward);
        let disk = ReadOnly::over(&doctor.home);
        for arguments in [&["send", "Ward 4", "lost?", "--offline"][..], &["sync"], &["sync", "--follow"]] {
            names_the_disk(doctor.cli(arguments), "The home cannot be used.");
        }
        disk.end();
        nurse.cli(&["send", "Ward 4", "meanwhile"]).good();
        doctor.cli(&["send", "Ward 4", "after"]).good();
        assert_eq!(texts_now(&doctor), ["before", "meanwhile", "after"]);
    });
}

#[test]
fn a_full_disk_under_the_relay_refuses_and_nothing_acknowledged_is_lost() {
    in_own_namespace("disks::a_full_disk_under_the_relay_refuses_and_nothing_acknowledged_is_lost", || {
        let mut ward = Ward::stopped(programs!());
        let disk = SmallDisk::over(ward.relay.folder(), 24);
        ward.relay.start();
        let [doctor, nurse] = talk(&ward);
        let _open = [doctor.follow(), nurse.follow()];
        disk.fill(0);
        // Nobody opens a vault meanwhile: a try could not be counted.
        names_relay(&ward.administrator.cli(&["status"]));
        // The relay's refusal passes by itself, so the message waits; it is not lost and not called sent.
        let queued = doctor.cli(&["send", "Ward 4", "while the relay was full"]);
        assert_eq!(queued.status, 75, "{queued:?}");
        // Killed there, it opens again on the full disk: what it has can be fetched, nothing can be added.
        ward.relay.restart();
        assert_eq!(texts_now(&nurse), ["before"]);
        assert_eq!(doctor.ask(&["outbox", "list", "--offline"])["outbox"][0]["state"], "queued");
        disk.free();
        assert_eq!(doctor.ask(&["sync"])["queued"], 0);
        doctor.cli(&["send", "Ward 4", "after"]).good();
        let all = ["before", "while the relay was full", "after"];
        assert_eq!(
            (texts_now(&doctor), texts_now(&nurse)),
            (all.map(str::to_owned).to_vec(), all.map(str::to_owned).to_vec())
        );
        assert!(ward.relay.log().contains("disk is full"), "the operator can see why");
    });
}

#[test]
fn a_read_only_disk_under_the_relay_is_named_and_nothing_is_lost() {
    in_own_namespace("disks::a_read_only_disk_under_the_relay_is_named_and_nothing_is_lost", || {
        let mut ward = Ward::founded(programs!());
        let [doctor, nurse] = talk(&ward);
        ward.relay.stop();
        let disk = ReadOnly::over(ward.relay.folder());
        names_the_disk(ward.relay.fails_to_start(), "The relay did not start");
        disk.end();
        ward.relay.start();
        doctor.cli(&["send", "Ward 4", "after"]).good();
        assert_eq!(texts_now(&nurse), ["before", "after"]);
    });
}
