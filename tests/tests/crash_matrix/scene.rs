//! A conversation of two, one of whom dies in the middle of something; and the judge of what came of it.

use wardline_tests::{Accepted, Device, Output, Transcript, Ward, check, programs};

use crate::table;

/// What it is called at first.
pub(crate) const NAME: &str = "Ward 4";
/// What it is renamed to.
pub(crate) const RENAMED: &str = "Ward 5";

/// Doctor and nurse talk; the locum is not in it yet.
pub(crate) struct Scene {
    pub(crate) ward: Ward,
    pub(crate) doctor: Device,
    pub(crate) nurse: Device,
    pub(crate) locum: Device,
    /// The conversation's id.
    pub(crate) id: String,
    place: String,
    accepted: Vec<Accepted>,
    /// How many of the accepted messages were said before the locum was in.
    before_locum: Option<usize>,
}

impl Scene {
    /// The scene of a test, which stands in the table.
    #[track_caller]
    pub(crate) fn of(test: &str) -> Self {
        let place = table::place_of(test);
        let ward = Ward::quick(programs!());
        let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
        let locum = ward.device("locum-c");
        let created = doctor.ask(&["conversation", "create", NAME, "--with", "nurse-b"]);
        let id = created["conversation"].as_str().unwrap().to_owned();
        let mut scene =
            Self { ward, doctor, nurse, locum, id, place, accepted: Vec::new(), before_locum: None };
        scene.says(&scene.doctor.clone(), "before");
        scene.nurse.cli(&["sync"]).good();
        assert_eq!(texts(&scene.nurse, &scene.id), ["before"]);
        scene
    }

    /// Somebody sends; the relay has it.
    pub(crate) fn says(&mut self, device: &Device, text: &str) {
        let sent = device.ask(&["send", &self.id, text]);
        assert_eq!(sent["state"], "sent", "{sent}");
        self.accepted.push(Accepted { text: text.to_owned(), number: sent["number"].as_u64() });
    }

    /// A command dies at the row's place.
    #[track_caller]
    pub(crate) fn dies(&self, device: &Device, arguments: &[&str]) {
        self.dies_with(device, &[], arguments);
    }

    /// As above, with other faults beside.
    #[track_caller]
    pub(crate) fn dies_with(&self, device: &Device, faults: &[&str], arguments: &[&str]) {
        let points = [faults, &[&self.place]].concat();
        device.armed(&points).cli(arguments).crashed_at(&self.place);
    }

    /// A device that stays connected dies at the row's place.
    #[track_caller]
    pub(crate) fn dies_following(&self, device: &Device) {
        device.armed(&[&self.place]).follow().process.aborted();
    }

    /// Sending dies at the row's place. The message was taken on: it is to be delivered.
    #[track_caller]
    pub(crate) fn dies_sending(&mut self, device: &Device, text: &str) {
        self.dies(device, &["send", &self.id, text]);
        self.accepted.push(Accepted { text: text.to_owned(), number: None });
    }

    /// The relay dies at the row's place while a command is carried out, and starts again. What the command said.
    #[track_caller]
    pub(crate) fn relay_dies(&mut self, device: &Device, arguments: &[&str]) -> Output {
        self.ward.relay.rearm(&[&self.place]);
        let output = device.cli(arguments);
        self.ward.relay.crashed_at(&self.place);
        self.ward.relay.rearm(&[]);
        output
    }

    /// As above, with a message. It was kept: it is to be delivered.
    #[track_caller]
    pub(crate) fn relay_dies_at_send(&mut self, device: &Device, text: &str) {
        let id = self.id.clone();
        let queued = self.relay_dies(device, &["send", &id, text]);
        assert_eq!(queued.status, 75, "{queued:?}");
        self.accepted.push(Accepted { text: text.to_owned(), number: None });
    }

    /// The locum enrols: ready to be added.
    pub(crate) fn locum_comes(&mut self) {
        [self.locum] = self.ward.people(["locum-c"]);
    }

    /// From here on the locum is a member.
    pub(crate) fn locum_is_in(&mut self) {
        self.before_locum = Some(self.accepted.len());
    }

    /// The nurse adds the locum, which ends the epoch.
    pub(crate) fn the_epoch_moves(&mut self) {
        self.locum_comes();
        self.nurse.cli(&["conversation", "add", &self.id, "locum-c"]).good();
        self.locum.cli(&["sync"]).good();
        self.locum_is_in();
    }

    /// Whether a device shows the locum as a member, as its vault has it.
    pub(crate) fn has_locum(&self, device: &Device) -> bool {
        let shown = device.ask(&["conversation", "show", &self.id, "--offline"]);
        shown["members"].as_array().unwrap().iter().any(|member| member["user"] == "locum-c")
    }

    /// The states of a device's waiting messages, as its vault has them.
    pub(crate) fn waiting(&self, device: &Device) -> Vec<String> {
        let outbox = device.ask(&["outbox", "list", "--offline"]);
        let rows = outbox["outbox"].as_array().unwrap().iter();
        rows.map(|row| row["state"].as_str().unwrap().to_owned()).collect()
    }

    /// What a device calls the conversation, as its vault has it.
    pub(crate) fn name(&self, device: &Device) -> String {
        let shown = device.ask(&["conversation", "show", &self.id, "--offline"]);
        shown["name"].as_str().unwrap().to_owned()
    }

    /// Everybody goes on; then every device shows everything once, in one order, nothing waits, all stand in the same
    /// conversation with nothing amiss, and changes were made once.
    #[track_caller]
    pub(crate) fn judge(mut self) {
        let mut members = vec![self.doctor.clone(), self.nurse.clone()];
        members.extend(self.before_locum.map(|_| self.locum.clone()));
        for member in &members {
            self.says(member, &format!("{} goes on", member.user));
        }
        for member in &members {
            member.cli(&["sync"]).good();
        }
        let transcripts: Vec<Transcript> = members.iter().map(|member| self.transcript(member)).collect();
        let report = check(&self.accepted, &transcripts[..2]);
        assert!(report.holds() && report.delivered == self.accepted.len(), "{report:?}");
        if let Some(before) = self.before_locum {
            let report = check(&self.accepted[before..], &transcripts);
            assert!(report.holds() && report.delivered + before == self.accepted.len(), "{report:?}");
        }
        let stands = members.iter().map(|member| self.stand(member)).collect::<Vec<_>>();
        assert!(stands.iter().all(|stand| *stand == stands[0]), "{stands:?}");
    }

    /// What a device shows: everything can be read, and no change was made twice.
    fn transcript(&self, device: &Device) -> Transcript {
        let (mut entries, mut renamed) = (Vec::new(), 0);
        for one in device.ask_all(&["read", &self.id, "--offline"]) {
            let text = one["text"].as_str().unwrap();
            match one["kind"].as_str() {
                Some("text") => entries.push((one["number"].as_u64().unwrap(), text.to_owned())),
                Some("event") => {
                    renamed += usize::from(text.contains(&format!("renamed it to “{RENAMED}”")));
                }
                _ => panic!("{one}"),
            }
        }
        assert!(renamed <= 1, "renamed {renamed} times");
        Transcript { device: device.user.clone(), entries, waiting: self.waiting(device).len() }
    }

    /// Name, members, safety code and place in the log, and that nothing is amiss.
    fn stand(&self, device: &Device) -> String {
        let shown = device.ask(&["conversation", "show", &self.id, "--offline"]);
        assert_eq!(shown["state"], "active", "{shown}");
        assert!(shown["held"].is_null() && shown["fault"].is_null(), "{shown}");
        ["name", "members", "safety_code", "number"].map(|field| shown[field].to_string()).join(" ")
    }
}

/// The texts that a device shows.
pub(crate) fn texts(device: &Device, conversation: &str) -> Vec<String> {
    let read = device.ask_all(&["read", conversation, "--offline"]);
    let texts = read.iter().filter(|one| one["kind"] == "text");
    texts.map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}
