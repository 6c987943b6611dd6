//! Founding, inviting, enrolling and talking, as the README has it.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use wardline_tests::{Device, Ward, programs};

/// What people see of a conversation: "from: text" for texts, what happened for the rest.
fn lines(device: &Device, conversation: &str) -> Vec<String> {
    device
        .ask_all(&["read", conversation])
        .iter()
        .map(|one| {
            let (from, text) = (one["from"].as_str().unwrap(), one["text"].as_str().unwrap());
            if one["kind"] == "text" { format!("{from}: {text}") } else { text.to_owned() }
        })
        .collect()
}

#[test]
fn an_organisation_is_founded_by_the_program_itself() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("passcode"), "correct horse\n").unwrap();
    let run = |program: &std::path::Path, arguments: &[&str]| {
        Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap()
    };
    let programs = programs!();
    let init = ["init", "--data-dir", &at("R"), "--address", "127.0.0.1:7443"];
    let init = run(&programs.relay, &init);
    assert!(init.status.success());
    assert!(String::from_utf8_lossy(&init.stdout).contains("wardline admin found"), "it names the next step");
    let (home, relay, recovery, passcode) = (at("A"), at("R"), at("F"), at("passcode"));
    let found = ["admin", "found", "--home", &home, "--organisation", "St. Example", "--relay-dir", &relay];
    let found =
        [&found[..], &["--recovery-file", &recovery, "--passcode-file", &passcode, "--json"]].concat();
    let founded = run(&programs.wardline, &found);
    assert!(founded.status.success(), "{founded:?}");
    let founded: serde_json::Value = serde_json::from_slice(&founded.stdout).unwrap();
    assert_eq!((&founded["organisation"], &founded["user"]), (&"st-example".into(), &"administrator".into()));
    assert_eq!(founded["recovery_code"].as_str().unwrap().len(), 39, "eight groups of four");
    let recovery = std::fs::read_to_string(&recovery).unwrap();
    assert!(recovery.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    // Again into the same home: nothing is overwritten.
    let again = run(&programs.wardline, &found);
    assert_eq!(again.status.code(), Some(73), "{again:?}");
}

#[test]
fn people_are_invited_enrol_talk_come_and_go() {
    let ward = Ward::founded(programs!());
    let administrator = &ward.administrator;

    // Invited one by one and by a file.
    let doctor_invitation = ward.invite("doctor-a");
    let people = ward.folder().join("people.csv");
    std::fs::write(
        &people,
        "user,role,name\nnurse-b,clinician,Nurse B\n# later\n\nlocum-c,clinician,\"Locum C\"\n",
    )
    .unwrap();
    let invited = administrator.ask_all(&["admin", "invite", "--file", people.to_str().unwrap()]);
    let invitations: Vec<&str> = invited.iter().map(|one| one["invitation"].as_str().unwrap()).collect();
    assert_eq!(invitations.len(), 2);

    // Enrolled while a registrar runs.
    let registrar = administrator.start(&["admin", "registrar"]);
    let enrol = |user: &str, invitation: &str, name: &str| {
        let device = ward.device(user);
        let enrolled = device.ask_all(&["enrol", invitation, "--device", name]);
        assert_eq!(enrolled.last().unwrap()["user"], user);
        device
    };
    let doctor = enrol("doctor-a", &doctor_invitation, "phone");
    let nurse = enrol("nurse-b", invitations[0], "tablet");
    let locum = enrol("locum-c", invitations[1], "desk");
    assert!(registrar.says("certified: doctor-a", Duration::from_secs(10)).is_some());
    for device in [&doctor, &nurse, &locum] {
        assert_eq!(device.ask(&["status"])["connection"], "quic");
    }

    // They talk.
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    let sent = doctor.cli(&["send", "Ward 4", "Bed 7 is free"]).good().stdout;
    assert!(sent.starts_with("sent: number 2, "), "{sent}");
    nurse.cli_with_input(&["send", "Ward 4", "-"], "thanks, taking it\n").good();
    assert_eq!(
        lines(&nurse, "Ward 4"),
        ["Name of doctor-a added you to “Ward 4”", "doctor-a: Bed 7 is free", "nurse-b: thanks, taking it"]
    );

    // One comes late and reads nothing from before.
    doctor.cli(&["conversation", "add", "Ward 4", "locum-c"]).good();
    doctor.cli(&["send", "Ward 4", "welcome"]).good();
    assert_eq!(lines(&locum, "Ward 4"), ["Name of doctor-a added you to “Ward 4”", "doctor-a: welcome"]);

    // The safety code is the same on all devices.
    let code = |device: &Device| device.ask(&["conversation", "show", "Ward 4"])["safety_code"].clone();
    assert_eq!(code(&doctor), code(&nurse));
    assert_eq!(code(&doctor), code(&locum));

    // Renamed; removed, and reads nothing after.
    doctor.cli(&["conversation", "rename", "Ward 4", "Ward Four"]).good();
    doctor.cli(&["conversation", "remove", "Ward Four", "locum-c"]).good();
    nurse.cli(&["send", "Ward Four", "just us again"]).good();
    assert!(!lines(&locum, "Ward Four").iter().any(|line| line.contains("just us again")));
    assert!(lines(&doctor, "Ward Four").iter().any(|line| line == "nurse-b: just us again"), "control");
    locum.cli(&["send", "Ward Four", "anybody?"]).failed(79);

    // The nurse leaves; the doctor's device lets her go.
    nurse.cli(&["conversation", "leave", "Ward Four"]).good();
    let alone =
        || doctor.ask(&["conversation", "show", "Ward Four"])["members"].as_array().unwrap().len() == 1;
    assert!((0..20).any(|_| {
        doctor.cli(&["sync"]).good();
        alone()
    }));
    doctor.cli(&["send", "Ward Four", "nobody left"]).good();
    assert!(!lines(&nurse, "Ward Four").iter().any(|line| line.contains("nobody left")));
}

#[test]
fn an_enrolment_goes_on_after_kill_9_while_it_waits() {
    let ward = Ward::founded(programs!());
    let invitation = ward.invite("doctor-a");
    let doctor = ward.device("doctor-a");
    let code = |line: Option<String>| line.unwrap().rsplit_once(": ").unwrap().1.to_owned();
    let enrol = ["enrol", &invitation, "--device", "phone"];

    let mut waiting = doctor.start(&enrol);
    let first = code(waiting.says("This device's code", Duration::from_secs(30)));
    waiting.kill();
    // Half enrolled: said so, nothing broken.
    doctor.cli(&["status"]).failed(66);

    let waiting = doctor.start(&enrol);
    let second = code(waiting.says("This device's code", Duration::from_secs(30)));
    assert_eq!(first, second, "the same keys ask again");
    let judged = || ward.administrator.ask(&["admin", "registrar", "--once"]);
    let issued = (0..20).map(|_| judged()).find(|judged| !judged["issued"].as_array().unwrap().is_empty());
    assert_eq!(issued.unwrap()["issued"][0]["fingerprint"], first.as_str(), "the same code on both screens");
    assert!(waiting.says("This device is", Duration::from_secs(30)).is_some());
    drop(waiting);
    assert_eq!(doctor.ask(&["status"])["user"], "doctor-a");
}

#[test]
fn reading_since_a_number_and_only_what_is_new() {
    let ward = Ward::founded(programs!());
    let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    for text in ["one", "two", "three"] {
        doctor.cli(&["send", "Ward 4", text]).good();
    }
    let texts = |arguments: &[&str]| -> Vec<String> {
        let read = nurse.ask_all(&[&["read", "Ward 4"], arguments].concat());
        read.iter()
            .filter(|one| one["kind"] == "text")
            .map(|one| one["text"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(texts(&["--since", "2"]), ["two", "three"]);
    assert_eq!(
        nurse.ask(&["conversation", "list"])["conversations"][0]["unread"],
        3,
        "a look back reads nothing"
    );
    assert_eq!(texts(&["--new"]), ["one", "two", "three"]);
    assert!(texts(&["--new"]).is_empty());
    doctor.cli(&["send", "Ward 4", "four"]).good();
    assert_eq!(texts(&["--new"]), ["four"]);

    // Followed: what comes is printed as it comes.
    let following = nurse.start(&["read", "Ward 4", "--follow"]);
    assert!(following.says("four", Duration::from_secs(30)).is_some());
    doctor.cli(&["send", "Ward 4", "five"]).good();
    assert!(following.says("five", Duration::from_secs(30)).is_some());
}
