//! The checker finds faults that are planted in the product: each scene runs with the fault and, as the control,
//! without it.

use std::{
    thread::{self, sleep},
    time::{Duration, Instant},
};

use wardline_client_core::api::{Answer, Command, Reach};
use wardline_tests::{Accepted, Device, Line, Owner, Report, Transcript, Ward, check, programs};

/// How long a step may take.
const STEP: Duration = Duration::from_secs(30);

/// Doctor and nurse in a conversation.
struct Scene {
    ward: Ward,
    doctor: Device,
    nurse: Device,
    accepted: Vec<Accepted>,
}

impl Scene {
    fn open() -> Self {
        let ward = Ward::quick(programs!());
        let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
        doctor.cli(&["conversation", "create", "Night", "--with", "nurse-b"]).good();
        nurse.cli(&["sync"]).good();
        Self { ward, doctor, nurse, accepted: Vec::new() }
    }

    fn says(&mut self, text: &str) {
        let sent = self.doctor.ask(&["send", "Night", text]);
        self.accepted.push(Accepted { text: text.to_owned(), number: sent["number"].as_u64() });
    }

    /// Has the owner of a home send while something else happens to the relay; what it answered.
    fn says_while(
        &mut self,
        owner: &Owner,
        text: &str,
        meanwhile: impl FnOnce(&mut Ward, &dyn Fn() -> bool),
    ) {
        let mut line = owner.line().unwrap();
        let command =
            Command::Send { conversation: "Night".to_owned(), text: text.to_owned(), expires_seconds: None };
        let sending = thread::spawn(move || line.execute(command, Reach::Online));
        meanwhile(&mut self.ward, &|| sending.is_finished());
        let Some(Ok(Answer::Sent(sent))) = sending.join().unwrap() else { panic!("no answer") };
        assert!(["sent", "queued"].contains(&sent.state.as_str()), "{sent:?}");
        self.accepted.push(Accepted { text: text.to_owned(), number: sent.number });
    }

    /// The checker's word, once everything had its chance to be sent and read.
    fn report(self) -> Report {
        for device in [&self.doctor, &self.nurse, &self.doctor] {
            device.cli(&["sync"]).good();
        }
        let transcripts = [&self.doctor, &self.nurse].map(transcript);
        check(&self.accepted, &transcripts)
    }
}

fn transcript(device: &Device) -> Transcript {
    let read = device.ask_all(&["read", "Night", "--offline"]);
    let shown = read.iter().filter(|one| one["kind"] != "event").map(|one| {
        let text = if one["kind"] == "text" { one["text"].as_str().unwrap() } else { "(unreadable)" };
        (one["number"].as_u64().unwrap(), text.to_owned())
    });
    let waiting = device.ask(&["outbox", "list", "--offline"])["outbox"].as_array().unwrap().len();
    Transcript { device: device.user.clone(), entries: shown.collect(), waiting }
}

fn wait_until(holds: impl Fn() -> bool) {
    let until = Instant::now() + STEP;
    while !holds() {
        assert!(Instant::now() < until, "it does not come about");
        sleep(Duration::from_millis(2));
    }
}

/// The relay is killed as soon as the sender has its word.
fn killed_after_its_word(points: &[&str]) -> Report {
    let mut scene = Scene::open();
    scene.says("before");
    scene.ward.relay.rearm(points);
    let mut owner = scene.doctor.follow();
    let home = scene.doctor.home.clone();
    scene.says_while(&owner, "acknowledged", |ward, answered| {
        let has_its_word = || {
            let outbox =
                Line::to(&home).and_then(|mut line| line.execute(Command::OutboxList, Reach::Offline));
            let Some(Ok(Answer::Outbox(outbox))) = outbox else { return false };
            outbox.outbox.iter().any(|row| row.state == "sent")
        };
        wait_until(|| has_its_word() || answered());
        ward.relay.kill();
    });
    assert!(scene.accepted[1].number.is_some(), "it was called sent: {:?}", scene.accepted);
    scene.ward.relay.rearm(&[]);
    owner.process.kill();
    scene.report()
}

#[test]
fn acknowledging_before_the_commit_is_found() {
    let clean = killed_after_its_word(&[]);
    assert!(clean.holds() && clean.delivered == 2, "the control: {clean:?}");
    let report = killed_after_its_word(&["mutant.ack_before_commit"]);
    assert!(report.lost.contains(&("nurse-b".to_owned(), "acknowledged".to_owned())), "{report:?}");
    println!("{report}");
}

/// A receiver ends in the middle of taking a message in.
fn ended_while_receiving(points: &[&str]) -> Report {
    let mut scene = Scene::open();
    scene.says("one");
    scene.says("two");
    let points = [points, &["crash.message_opened"]].concat();
    scene.nurse.armed(&points).cli(&["sync"]).crashed_at("crash.message_opened");
    scene.report()
}

#[test]
fn moving_the_cursor_before_the_message_is_stored_is_found() {
    let clean = ended_while_receiving(&[]);
    assert!(clean.holds() && clean.delivered == 2, "the control: {clean:?}");
    let report = ended_while_receiving(&["mutant.cursor_first"]);
    assert_eq!(report.lost, [("nurse-b".to_owned(), "one".to_owned())], "{report:?}");
    println!("{report}");
}

/// The relay is killed with a request on its way that it has not seen.
fn killed_before_it_saw_it(points: &[&str]) -> Report {
    let mut scene = Scene::open();
    scene.says("before");
    let mut owner = scene.doctor.armed(points).follow();
    // Only then something can be on its way.
    assert!(owner.process.says("up to date", STEP).is_some(), "it does not connect");
    scene.ward.relay.process().freeze();
    scene.says_while(&owner, "on its way", |ward, answered| {
        let until = Instant::now() + Duration::from_millis(1_500);
        while !answered() && Instant::now() < until {
            sleep(Duration::from_millis(2));
        }
        ward.relay.kill();
    });
    scene.ward.relay.start();
    owner.process.kill();
    scene.report()
}

#[test]
fn dropping_a_row_of_the_outbox_is_found() {
    let clean = killed_before_it_saw_it(&[]);
    assert!(clean.holds() && clean.delivered == 2, "the control: {clean:?}");
    let report = killed_before_it_saw_it(&["mutant.drop_outbox_row"]);
    assert!(report.stuck.contains(&("nurse-b".to_owned(), "on its way".to_owned())), "{report:?}");
    println!("{report}");
}
