//! Claims about a vault that is kept open (`wardline unlock`): who may use it, and when it closes.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use wardline_tests::{Device, Output, Ward, programs};

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The exit status of a home whose passcode nobody gives.
const INPUT: i32 = 65;

/// An open vault. Its process ends at the latest with the test.
struct Agent {
    device: Device,
    pid: u64,
}

impl Agent {
    fn start(device: &Device, arguments: &[&str]) -> Self {
        let said = device.ask(&[&["unlock"], arguments].concat());
        assert_eq!((&said["state"], &said["changed"]), (&"open".into(), &true.into()), "{said}");
        Self { device: device.clone(), pid: said["process"].as_u64().unwrap() }
    }

    /// Whether it runs. One that has ended and that nobody has asked for does not.
    fn runs(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
    }

    /// Whether it ends by itself within this time.
    fn ends_within(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        while self.runs() && Instant::now() < until {
            thread::sleep(Duration::from_millis(50));
        }
        !self.runs()
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.pid.to_string()]).status();
        assert!(status.unwrap().success(), "kill {signal}");
    }

    /// How often this is in its memory.
    fn remembers(&self, needle: &[u8]) -> usize {
        let file = File::open(format!("/proc/{}/mem", self.pid)).unwrap();
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.pid)).unwrap();
        let (mut found, mut searched) = (0, 0);
        for line in
            maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|may| may.starts_with("rw")))
        {
            let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let [from, to] = [from, to].map(|at| u64::from_str_radix(at, 16).unwrap());
            let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
            // What the system keeps for itself cannot be read.
            let Ok(read) = file.read_at(&mut bytes, from) else { continue };
            searched += read;
            found += bytes[..read].windows(needle.len()).filter(|window| *window == needle).count();
        }
        assert!(searched > 1 << 20, "{searched} bytes searched");
        found
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if self.runs() {
            self.signal("-KILL");
        }
        // Its home is deleted next.
        assert!(self.ends_within(PATIENCE) || thread::panicking(), "{}", self.device.user);
    }
}

/// What somebody gets who has the device in hand and does not know the passcode.
fn stranger(device: &Device, arguments: &[&str]) -> Output {
    device.in_hands(Path::new("/nonexistent")).cli(arguments)
}

fn ward() -> (Ward, Device, Device) {
    let ward = Ward::quick(programs!());
    let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    (ward, doctor, nurse)
}

#[test]
fn an_open_vault_is_used_without_a_passcode_until_it_is_locked() {
    let (_ward, doctor, nurse) = ward();
    stranger(&doctor, &["send", "Ward 4", "one"]).failed(INPUT);
    let agent = Agent::start(&doctor, &[]);
    stranger(&doctor, &["send", "Ward 4", "two"]).good();
    nurse.cli(&["send", "Ward 4", "three"]).good();
    assert!(stranger(&doctor, &["read", "Ward 4"]).good().stdout.contains("three"));
    let again = doctor.ask(&["unlock"]);
    assert_eq!(again["changed"], false);
    assert_eq!(stranger(&doctor, &["lock", "--json"]).good().object()["changed"], true);
    assert!(agent.ends_within(PATIENCE));
    stranger(&doctor, &["read", "Ward 4"]).failed(INPUT);
    assert_eq!(doctor.ask(&["lock"])["changed"], false);
    assert!(doctor.cli(&["read", "Ward 4"]).good().stdout.contains("two"));
}

#[test]
fn a_wrong_passcode_opens_nothing_and_leaves_nothing_running() {
    let (_ward, doctor, _nurse) = ward();
    let wrong = doctor.home.with_extension("wrong");
    fs::write(&wrong, "not this one\n").unwrap();
    let refused = doctor.in_hands(&wrong).cli(&["unlock"]).failed(77);
    assert!(refused.stderr.contains("passcode"), "{refused:?}");
    assert!(!doctor.home.join("owner.sock").exists());
    doctor.cli(&["status"]).good();
}

/// Whether a vault that is closed after eight seconds without a command is closed within twice as many, while another keeps reading
/// what comes. `attended`: somebody uses it all the time.
fn closes_by_itself(guard: &[&str], attended: bool) -> bool {
    let (_ward, doctor, nurse) = ward();
    let doctor = doctor.armed(guard);
    let agent = Agent::start(&doctor, &["--auto-lock", "8s"]);
    // What follows by itself attends to nothing, however much comes.
    let _reading = doctor.start(&["read", "Ward 4", "--follow"]);
    let talking = nurse.follow();
    let until = Instant::now() + Duration::from_secs(18);
    while Instant::now() < until {
        nurse.cli(&["send", "Ward 4", "is anybody there?"]).good();
        if attended {
            drop(stranger(&doctor, &["status", "--offline"]));
        }
        if !agent.runs() {
            break;
        }
        thread::sleep(Duration::from_millis(500));
    }
    drop(talking);
    agent.ends_within(Duration::ZERO)
}

#[test]
fn a_vault_that_nobody_uses_closes_by_itself() {
    assert!(closes_by_itself(&[], false));
    assert!(!closes_by_itself(&[], true), "the control: somebody uses it");
}

#[test]
fn a_vault_stays_open_where_the_guard_is_taken_away() {
    assert!(!closes_by_itself(&["mutant.never_locks"], false));
    assert!(!closes_by_itself(&["mutant.programs_attend"], false));
}

/// Whether a vault that is closed after eight seconds without the relay is closed within twice as many, though somebody uses it.
fn closes_without_relay(guard: &[&str], stops: bool) -> bool {
    let (mut ward, doctor, _nurse) = ward();
    let doctor = doctor.armed(guard);
    let agent = Agent::start(&doctor, &["--max-open", "8s"]);
    stranger(&doctor, &["sync"]).good();
    if stops {
        ward.relay.stop();
    }
    let until = Instant::now() + Duration::from_secs(18);
    while Instant::now() < until && agent.runs() {
        drop(stranger(&doctor, &["status", "--offline"]));
        thread::sleep(Duration::from_millis(300));
    }
    !agent.runs()
}

#[test]
fn a_vault_that_does_not_reach_its_relay_closes_by_itself() {
    assert!(closes_without_relay(&[], true));
    assert!(!closes_without_relay(&[], false), "the control: the relay is there");
}

#[test]
fn a_vault_stays_open_without_its_relay_where_the_guard_is_taken_away() {
    assert!(!closes_without_relay(&["mutant.unreached_stays_open"], true));
}

#[test]
fn no_person_keeps_a_vault_open_for_longer_than_the_policy_says() {
    let (ward, doctor, _nurse) = ward();
    let shown = ward.administrator.cli(&["admin", "policy", "show"]).good().stdout;
    let file = ward.folder().join("policy.toml");
    fs::write(&file, shown.replace("longest_unattended = \"15m\"", "longest_unattended = \"90s\"")).unwrap();
    let file = file.to_str().unwrap();
    let before = doctor.ask(&["unlock", "--auto-lock", "10m"]);
    assert_eq!((&before["auto_lock_seconds"], &before["max_open_seconds"]), (&600.into(), &28_800.into()));
    doctor.cli(&["lock"]).good();
    ward.administrator.cli(&["admin", "policy", "publish", file, "--yes"]).good();
    doctor.cli(&["sync"]).good();
    let after = doctor.ask(&["unlock", "--auto-lock", "10m"]);
    assert_eq!(after["auto_lock_seconds"], 90);
    doctor.cli(&["lock"]).good();
    let unread = doctor.armed(&["mutant.opens_for_ever"]).ask(&["unlock", "--auto-lock", "10m"]);
    assert_eq!(unread["auto_lock_seconds"], 600, "the guard taken away");
    doctor.cli(&["lock"]).good();
    let sooner = doctor.ask(&["unlock", "--auto-lock", "1m"]);
    assert_eq!(sooner["auto_lock_seconds"], 60);
    doctor.cli(&["lock"]).good();
}

/// Whether the vault of a device that is revoked closes by itself.
fn closes_when_put_out(guard: &[&str], within: Duration) -> bool {
    let (ward, doctor, _nurse) = ward();
    let agent = Agent::start(&doctor.armed(guard), &[]);
    let device =
        stranger(&doctor, &["status", "--json"]).good().object()["device"].as_str().unwrap().to_owned();
    assert!(agent.runs());
    ward.administrator.cli(&["admin", "device", "revoke", &device, "--reason", "lost", "--wait", "0"]).good();
    agent.ends_within(within)
}

#[test]
fn the_vault_of_a_device_that_is_put_out_closes_at_once() {
    assert!(closes_when_put_out(&[], PATIENCE));
    assert!(!closes_when_put_out(&["mutant.out_stays_open"], Duration::from_secs(5)), "the guard taken away");
}

/// The bytes of the write-ahead log that a vault leaves whose process is told to end.
fn left_in_log(guard: &[&str]) -> u64 {
    let (_ward, doctor, _nurse) = ward();
    let agent = Agent::start(&doctor.armed(guard), &[]);
    stranger(&doctor, &["send", "Ward 4", "one"]).good();
    agent.signal("-TERM");
    if !agent.ends_within(Duration::from_secs(10)) {
        agent.signal("-KILL");
        assert!(agent.ends_within(PATIENCE));
    }
    fs::metadata(doctor.home.join("vault.db-wal")).map_or(0, |file| file.len())
}

#[test]
fn what_ends_the_process_closes_the_vault() {
    assert_eq!(left_in_log(&[]), 0);
    assert!(left_in_log(&["mutant.signals_unheard"]) > 0, "the guard taken away");
}

/// Whether a vault is open whose agent has nobody to tell.
fn open_unheard(guard: &[&str]) -> bool {
    let (_ward, doctor, _nurse) = ward();
    let mut agent = doctor.armed(guard).command(&["agent", "900", "900"]);
    let mut agent = agent.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(agent.stdout.take());
    let passcode = fs::read_to_string(&doctor.passcode_file).unwrap();
    agent.stdin.take().unwrap().write_all(passcode.trim_end().as_bytes()).unwrap();
    let until = Instant::now() + Duration::from_secs(8);
    while agent.try_wait().unwrap().is_none() && Instant::now() < until {
        thread::sleep(Duration::from_millis(50));
    }
    let open = agent.try_wait().unwrap().is_none() && doctor.home.join("owner.sock").exists();
    agent.kill().unwrap();
    agent.wait().unwrap();
    open
}

#[test]
fn a_vault_of_which_nobody_would_know_that_it_is_open_is_closed() {
    assert!(!open_unheard(&[]));
    assert!(open_unheard(&["mutant.unheard_stays_open"]), "the guard taken away");
}

#[test]
fn what_is_carried_out_when_the_vault_is_locked_is_answered() {
    let (_ward, doctor, nurse) = ward();
    let agent = Agent::start(&doctor, &[]);
    let sent = thread::scope(|scope| {
        let senders: Vec<_> = (0..8)
            .map(|one| {
                let doctor = &doctor;
                scope.spawn(move || stranger(doctor, &["send", "Ward 4", &format!("text {one}"), "--json"]))
            })
            .collect();
        thread::sleep(Duration::from_millis(300));
        doctor.cli(&["lock"]).good();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(agent.ends_within(PATIENCE));
    // Whoever was let in is answered; whoever came too late finds the home locked, or nobody there any more.
    let answered = sent.iter().filter(|one| [0, 75].contains(&one.status)).count();
    let late = sent.iter().filter(|one| [65, 80].contains(&one.status)).count();
    assert_eq!(answered + late, sent.len(), "{sent:?}");
    doctor.cli(&["sync"]).good();
    nurse.cli(&["sync"]).good();
    let read = nurse.ask_all(&["read", "Ward 4"]);
    let texts = read.iter().filter(|one| one["kind"] == "text").count();
    assert_eq!(texts, answered, "nothing was done that nobody was told of: {sent:?}");
}

#[test]
fn the_process_that_keeps_a_vault_open_leaves_no_core_dump() {
    let (_ward, doctor, _nurse) = ward();
    let agent = Agent::start(&doctor, &[]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", agent.pid)).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
}

#[test]
fn the_passcode_is_not_in_the_memory_of_the_process_that_keeps_the_vault_open() {
    let (_ward, doctor, _nurse) = ward();
    let passcode = fs::read_to_string(&doctor.passcode_file).unwrap().trim_end().to_owned();
    assert!(passcode.len() >= 8, "long enough to be looked for");
    // So that its memory can be read by whoever runs this.
    let agent = Agent::start(&doctor.armed(&["mutant.unsealed_process"]), &[]);
    stranger(&doctor, &["conversation", "list"]).good();
    assert_eq!(agent.remembers(passcode.as_bytes()), 0);
    assert!(agent.remembers(b"Ward 4") > 0, "the control: what it uses is there");
    doctor.cli(&["lock"]).good();
    let kept = doctor.armed(&["mutant.unsealed_process", "mutant.passcode_kept"]);
    assert!(Agent::start(&kept, &[]).remembers(passcode.as_bytes()) > 0, "the guard taken away");
}
