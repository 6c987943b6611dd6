//! People of a ward who are all online, and what they see.

use std::time::{Duration, Instant};

use serde_json::Value;
use wardline_tests::{Device, Owner, Ward, programs};

/// The conversation.
pub(crate) const NAME: &str = "Ward 4";
/// The limit of the promise, from the broken commit on.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// What a scene waits at most for something that has no promised limit.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A person who is online.
pub(crate) struct Person {
    pub(crate) device: Device,
    owner: Option<Owner>,
}

impl Person {
    pub(crate) fn online(device: Device) -> Self {
        let owner = Some(device.follow());
        Self { device, owner }
    }

    /// Ends its process; it is offline until [`back`](Self::back).
    pub(crate) fn goes(&mut self) {
        if let Some(mut owner) = self.owner.take() {
            owner.process.kill();
        }
    }

    pub(crate) fn back(&mut self) {
        self.owner = Some(self.device.follow());
    }

    /// The same person with these fault points armed from now on.
    pub(crate) fn arm(&mut self, points: &[&str]) {
        self.goes();
        self.device = self.device.armed(points);
        self.back();
    }

    pub(crate) fn says(&self, text: &str) {
        self.device.cli(&["send", NAME, text]).good();
    }

    /// The same where the connection may just have ended: then it is kept, and goes out by itself.
    pub(crate) fn says_when_it_can(&self, text: &str) {
        let said = self.device.cli(&["send", NAME, text]);
        assert!([0, 75].contains(&said.status), "{said:?}");
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        // Read as it is, without counting it as read. The relay may have been caught in something: that has its status.
        self.device.cli(&["read", NAME, "--since", "0", "--json"]).objects()
    }

    /// The texts this person sees, sorted.
    pub(crate) fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = self
            .lines()
            .iter()
            .filter(|line| line["kind"] == "text")
            .map(|line| line["text"].as_str().expect("a text").to_owned())
            .collect();
        texts.sort_unstable();
        texts
    }

    /// Whether something that happened is told so.
    pub(crate) fn is_told(&self, what: &str) -> bool {
        let told = |line: &Value| {
            line["kind"] == "event" && line["text"].as_str().is_some_and(|text| text.contains(what))
        };
        self.lines().iter().any(told)
    }

    /// The one conversation in the list.
    pub(crate) fn conversation(&self) -> Value {
        let list = self.device.ask(&["conversation", "list"]);
        let conversations = list["conversations"].as_array().expect("a list");
        assert_eq!(conversations.len(), 1, "one conversation on the screen: {conversations:?}");
        conversations[0].clone()
    }

    pub(crate) fn state(&self) -> String {
        self.conversation()["state"].as_str().expect("a state").to_owned()
    }

    pub(crate) fn safety_code(&self) -> String {
        self.device.ask(&["conversation", "show", NAME])["safety_code"].as_str().expect("a code").to_owned()
    }
}

/// A founded ward with these people in one conversation, made by the first; all online.
pub(crate) fn ward<const N: usize>(users: [&str; N]) -> (Ward, [Person; N]) {
    let ward = Ward::quick(programs!());
    let devices = ward.people(users);
    let with: Vec<&str> = users[1..].iter().flat_map(|user| ["--with", user]).collect();
    devices[0].cli(&[&["conversation", "create", NAME], with.as_slice()].concat()).good();
    let people = devices.map(Person::online);
    for person in &people {
        person.says(&format!("{} is here", person.device.user));
    }
    let all = |person: &Person| person.texts().len() == N;
    until(PATIENCE, "everybody reads everybody", || people.iter().all(all));
    (ward, people)
}

/// Waits until something is so.
pub(crate) fn until(limit: Duration, what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What everybody sees in the end: the same texts, each once.
pub(crate) fn everybody_sees(people: &[Person], limit: Duration, texts: &[String]) {
    let mut expected = texts.to_vec();
    expected.sort_unstable();
    let began = Instant::now();
    loop {
        let differs = people.iter().find(|person| person.texts() != expected);
        let Some(person) = differs else { return };
        assert!(
            began.elapsed() < limit,
            "{} sees {:?}, not {expected:?}: {:?}, {:?}",
            person.device.user,
            person.texts(),
            person.lines(),
            person.device.cli(&["conversation", "list", "--json"]),
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What everybody said at the start.
pub(crate) fn greetings(users: &[&str]) -> Vec<String> {
    users.iter().map(|user| format!("{user} is here")).collect()
}
