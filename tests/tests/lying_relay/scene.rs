//! Three people in a conversation, a relay that can be made to lie, and what is asked of who notices.

use serde_json::Value;
use wardline_tests::{Device, Output, Ward, in_process::copy_files, programs};

/// The status of an answer that names a lie (`docs/cli-json.md`).
pub(crate) const CAUGHT: i32 = 81;

/// The conversation.
pub(crate) const WARD: &str = "Ward 4";

/// Says nothing of where its logs stand.
const SILENT: &str = "relay.no_places";

/// A ward where somebody may lie.
pub(crate) struct Scene {
    pub(crate) ward: Ward,
    /// Speaks.
    pub(crate) doctor: Device,
    /// Is lied to.
    pub(crate) nurse: Device,
    /// Is lied to as well, and has a client without the guard.
    pub(crate) locum: Device,
    said: u32,
    /// Whether the relay has told somebody another log than it has, and does not tell on itself.
    keeps_silent: bool,
}

impl Scene {
    /// They have talked, the relay was honest, and nobody noticed anything: the control of every lie.
    pub(crate) fn honest() -> Self {
        let ward = Ward::quick(programs!());
        let [doctor, nurse, locum] = ward.people(["doctor-a", "nurse-b", "locum-c"]);
        let mut scene = Self { ward, doctor, nurse, locum, said: 0, keeps_silent: false };
        let with = ["conversation", "create", WARD, "--with", "nurse-b", "--with", "locum-c"];
        scene.doctor.cli(&with).good();
        scene.says();
        scene.says();
        for device in [&scene.nurse, &scene.locum, &scene.doctor] {
            assert_silent(device, WARD);
        }
        assert_eq!(scene.texts(&scene.nurse), scene.all());
        scene
    }

    /// The doctor says the next thing.
    pub(crate) fn says(&mut self) -> u64 {
        self.said += 1;
        let sent = self.doctor.ask(&["send", WARD, &format!("text {}", self.said)]);
        sent["number"].as_u64().expect("a number")
    }

    /// From now on the relay lies so, once.
    pub(crate) fn lies(&mut self, lie: &str) {
        self.ward.relay.rearm(&[&format!("{lie}=1*return")]);
    }

    /// The same, about what is in the log: from then on it says nothing of where its log stands, or it would name its own lie.
    pub(crate) fn lies_well(&mut self, lie: &str) {
        self.keeps_silent = true;
        self.ward.relay.rearm(&[&format!("{lie}=1*return"), SILENT]);
    }

    /// From now on the relay is honest, but for what it has to keep silent about.
    pub(crate) fn repents(&mut self) {
        self.ward.relay.rearm(if self.keeps_silent { &[SILENT] } else { &[] });
    }

    /// Lays a copy of the relay's folder aside.
    pub(crate) fn keep_copy(&mut self, copy: &str) {
        self.ward.relay.stop();
        copy_files(self.ward.relay.folder(), &self.ward.folder().join(copy));
        self.ward.relay.start();
    }

    /// The relay loses its disk and comes back from a copy.
    pub(crate) fn restore(&mut self, copy: &str) {
        self.ward.relay.stop();
        for file in std::fs::read_dir(self.ward.relay.folder()).expect("a folder").flatten() {
            if file.path().is_file() {
                std::fs::remove_file(file.path()).expect("a file that goes");
            }
        }
        copy_files(&self.ward.folder().join(copy), self.ward.relay.folder());
        self.ward.relay.start();
    }

    /// Everything that the doctor said.
    pub(crate) fn all(&self) -> Vec<String> {
        (1..=self.said).map(|one| format!("text {one}")).collect()
    }

    /// The doctor's texts that a device shows.
    pub(crate) fn texts(&self, device: &Device) -> Vec<String> {
        let texts = read(device, WARD).objects().into_iter().filter(|one| one["kind"] == "text");
        texts.map(|one| one["text"].as_str().expect("a text").to_owned()).collect()
    }

    /// Three people are in it, as the device sees it.
    pub(crate) fn assert_nobody_is_out(&self, device: &Device) {
        let show = device.cli(&["conversation", "show", WARD, "--json", "--offline"]).object();
        assert_eq!(show["members"].as_array().map(Vec::len), Some(3), "{show}");
        assert_eq!(show["state"], "active", "{show}");
    }

    /// What is said from now on arrives at everybody, in order.
    pub(crate) fn assert_talk_goes_on(&mut self) {
        self.repents();
        self.says();
        for device in [&self.nurse, &self.doctor] {
            let texts = self.texts(device);
            assert_eq!(texts.last(), self.all().last(), "{texts:?}");
            self.assert_nobody_is_out(device);
        }
    }
}

/// `read --json`, whatever its status.
pub(crate) fn read(device: &Device, conversation: &str) -> Output {
    device.cli(&["read", conversation, "--json"])
}

/// The lies that `read` names.
fn named(output: &Output) -> Vec<Value> {
    output.objects().into_iter().filter(|one| one.get("relay_fault").is_some()).collect()
}

/// Nothing is shown anywhere, and commands end well.
pub(crate) fn assert_silent(device: &Device, conversation: &str) {
    let read = read(device, conversation).good();
    assert_eq!(named(&read), [] as [Value; 0]);
    let show = device.cli(&["conversation", "show", conversation, "--json"]).good().object();
    assert!(show.get("relay_faults").is_none() && show.get("fault").is_none(), "{show}");
    assert_eq!(device.cli(&["sync", "--json"]).good().object()["relay_faults"], 0);
}

/// The one lie that a device noticed: of this kind, named by every command that shows it, each with its status.
pub(crate) fn assert_caught(device: &Device, conversation: &str, kind: &str) -> Value {
    let read = read(device, conversation);
    let faults = named(&read);
    assert_eq!(read.status, CAUGHT, "{read:?}");
    assert_eq!(faults.len(), 1, "{read:?}");
    assert_eq!(faults[0]["relay_fault"], kind, "{read:?}");
    let text = faults[0]["text"].as_str().expect("words");

    let show = device.cli(&["conversation", "show", conversation, "--json"]);
    assert_eq!(show.status, CAUGHT, "{show:?}");
    assert_eq!(show.object()["relay_faults"][0]["text"], text);
    for words in [["conversation", "show", conversation].as_slice(), &["read", conversation]] {
        let shown = device.cli(words);
        assert_eq!(shown.status, CAUGHT, "{shown:?}");
        assert!(shown.stdout.contains(text), "{shown:?}");
    }
    let sync = device.cli(&["sync", "--json"]);
    assert_eq!((sync.status, &sync.object()["relay_faults"]), (CAUGHT, &1.into()));
    faults[0].clone()
}
