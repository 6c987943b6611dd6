//! Logs at `trace`, the relay's files and the vault's files hold no secret, no message and no name.

use wardline_tests::{Device, Output, Ward, programs};

use crate::{keys, needles::Needle};

const SAID: [&str; 3] =
    ["Bed 7 is free since noon", "the übergabe is at eight", "wardline-canary-0451 said twice"];
const NAMES: [&str; 2] = ["Nephrology night shift", "Nephrology, renamed at dawn"];

/// Runs a command that logs all there is, and keeps what it wrote to the log.
struct Talking<'a> {
    device: &'a Device,
    log: Vec<u8>,
}

impl<'a> Talking<'a> {
    fn new(device: &'a Device) -> Self {
        Self { device, log: Vec::new() }
    }

    fn run(&mut self, arguments: &[&str]) -> Output {
        let output = self.device.cli(&[arguments, &["--log", "trace"]].concat());
        self.log.extend_from_slice(output.stderr.as_bytes());
        output
    }
}

/// What nobody may find: what was said, what it was called, and what opens something.
fn needles(device: &Device, invitation: &str) -> Vec<Needle> {
    let passcode = std::fs::read_to_string(&device.passcode_file).unwrap();
    let secret = invitation.strip_prefix("wardline://enrol/").unwrap();
    let texts =
        SAID.into_iter().chain(NAMES).chain([passcode.trim_end(), secret, &secret[secret.len() - 24..]]);
    texts.map(Needle::new).collect()
}

#[test]
fn logs_at_trace_and_the_relays_files_hold_no_secret_message_or_name() {
    let mut ward = Ward::stopped(programs!());
    ward.relay.serve_with(&["--log", "trace"]);
    ward.relay.start();
    let [nurse] = ward.people(["nurse-b"]);
    let invitation = ward.invite("doctor-a");
    let registrar = ward.administrator.start(&["admin", "registrar", "--log", "trace"]);
    let doctor = ward.device("doctor-a");
    let mut talking = Talking::new(&doctor);
    talking.run(&["enrol", &invitation, "--device", "phone"]).good();
    talking.run(&["conversation", "create", NAMES[0], "--with", "nurse-b"]).good();
    for text in SAID {
        talking.run(&["send", NAMES[0], text]).good();
    }
    talking.run(&["conversation", "rename", NAMES[0], NAMES[1]]).good();
    let own = talking.run(&["read", NAMES[1]]).good();
    let list = talking.run(&["conversation", "list"]).good();
    let mut listening = Talking::new(&nurse);
    let read = listening.run(&["read", NAMES[1]]).good();
    // Failures too: they name what was wrong.
    assert_eq!(talking.run(&["send", NAMES[0], SAID[0]]).status, 67);
    let wrong = std::fs::read(&doctor.passcode_file).unwrap();
    std::fs::write(&doctor.passcode_file, "wrong passcode of doctor-a\n").unwrap();
    talking.run(&["status"]).failed(77);
    std::fs::write(&doctor.passcode_file, wrong).unwrap();
    drop(registrar);
    let keys =
        [keys::of_vault(&doctor), keys::of_vault(&nurse), keys::of_vault(&ward.administrator)].concat();
    ward.relay.stop();

    // Control: they do log, and the same search finds everything where it belongs.
    let office = std::fs::read(ward.administrator.home.with_extension("log")).unwrap();
    let relay = ward.relay.log().into_bytes();
    // The failure that names the conversation it was given is the person's own screen, not the log.
    let log = drop_lines(&talking.log, "There is no conversation");
    for (log, place) in [(&log, "the doctor's"), (&listening.log, "the nurse's"), (&relay, "the relay's")] {
        assert!(String::from_utf8_lossy(log).contains("TRACE"), "{place} log is no trace");
    }
    let shown = [own.stdout, read.stdout, list.stdout].concat().into_bytes();
    for text in SAID.into_iter().chain([NAMES[1]]) {
        assert!(Needle::new(text).is_in(&shown), "control: {text}");
    }

    assert_eq!(keys.len(), 4 + 4 + 5, "of each vault, and the issuer's");
    for needle in keys.iter().chain(&keys::of_relay(ward.relay.folder())) {
        for (log, place) in [(&log, "the doctor's"), (&listening.log, "the nurse's")] {
            needle.must_not_be_in(log, place);
        }
        needle.must_not_be_in(&office, "the registrar's log");
        needle.must_not_be_in(&relay, "the relay's log");
    }
    for needle in &keys {
        needle.must_not_be_in_files_of(ward.relay.folder());
    }

    let mut searched = 0;
    for needle in needles(&doctor, &invitation).iter().chain(&needles(&nurse, &invitation)) {
        needle.must_not_be_in(&log, "the doctor's log");
        needle.must_not_be_in(&listening.log, "the nurse's log");
        needle.must_not_be_in(&office, "the registrar's log");
        needle.must_not_be_in(&relay, "the relay's log");
        searched = needle.must_not_be_in_files_of(ward.relay.folder());
    }
    assert!(searched > 100_000, "the relay's files were searched: {searched} bytes");
    println!("{} + {} bytes of logs, {searched} bytes of the relay's files", log.len(), relay.len());
}

fn drop_lines(log: &[u8], with: &str) -> Vec<u8> {
    let kept = String::from_utf8_lossy(log)
        .lines()
        .filter(|line| !line.contains(with))
        .collect::<Vec<_>>()
        .join("\n");
    kept.into_bytes()
}

#[test]
fn the_vault_has_no_sqlite_header_and_no_plaintext() {
    let ward = Ward::founded(programs!());
    let invitation = ward.invite("doctor-a");
    let [nurse] = ward.people(["nurse-b"]);
    let registrar = ward.administrator.start(&["admin", "registrar"]);
    let doctor = ward.device("doctor-a");
    doctor.cli(&["enrol", &invitation, "--device", "phone"]).good();
    drop(registrar);
    doctor.cli(&["conversation", "create", NAMES[0], "--with", "nurse-b"]).good();
    // Killed while open: the write-ahead log is there too.
    let mut owner = doctor.follow();
    for text in SAID {
        doctor.cli(&["send", NAMES[0], text]).good();
    }
    assert_eq!(doctor.cli(&["send", NAMES[0], "said at the very end"]).status, 0);
    owner.process.kill();
    assert!(doctor.home.join("vault.db-wal").exists(), "the write-ahead log is searched too");
    let searched = || {
        let mut searched = 0;
        for needle in needles(&doctor, &invitation) {
            searched = needle.must_not_be_in_files_of(&doctor.home);
        }
        for known in
            ["said at the very end", "Name of nurse-b", "Name of doctor-a", "CREATE TABLE", "St. Example"]
        {
            Needle::new(known).must_not_be_in_files_of(&doctor.home);
        }
        searched
    };
    assert!(searched() > 100_000);

    // No header, and no two pages begin alike, as a cipher without a nonce would have them.
    let database = std::fs::read(doctor.home.join("vault.db")).unwrap();
    let relay = std::fs::read(ward.relay.folder().join("relay.sqlite")).unwrap();
    let is_sqlite = |bytes: &[u8]| bytes.starts_with(b"SQLite format 3\0");
    assert!(is_sqlite(&relay), "control: the same look finds the relay's");
    assert!(!is_sqlite(&database));
    let mut pages: Vec<&[u8]> = database.chunks(4_096).map(|page| &page[..64]).collect();
    let count = pages.len();
    pages.sort_unstable();
    pages.dedup();
    assert_eq!(pages.len(), count);

    // Control: the same vault, opened, shows everything.
    let shown = doctor.cli(&["read", NAMES[0]]).good().stdout;
    let list = doctor.cli(&["conversation", "list"]).good().stdout;
    for text in SAID.into_iter().chain([NAMES[0]]) {
        assert!(Needle::new(text).is_in([shown.as_str(), &list].concat().as_bytes()), "control: {text}");
    }
    assert!(searched() > 100_000, "and is closed again");
    nurse.cli(&["read", NAMES[0]]).good();
}
