//! A ward with a liar in it: people who follow, what they said and what each of them was shown.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use wardline_tests::{Device, Owner, Ward, programs};

/// Within this the others talk on.
pub(crate) const TALK_ON: Duration = Duration::from_secs(20);

/// Two honest people who follow, and a liar who does not.
pub(crate) struct Scene {
    pub ward: Ward,
    pub a: Device,
    pub b: Device,
    pub liar: Device,
    /// Their conversation.
    pub conversation: String,
    owners: Vec<Owner>,
    /// What honest people said and the relay acknowledged.
    said: Vec<String>,
}

/// Who makes the conversation, and keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    Honest,
    Liar,
}

impl Scene {
    /// A conversation of three in which everybody has spoken.
    pub(crate) fn with(keeper: Keeper) -> Self {
        Self::without(keeper, &[])
    }

    /// The same, and these guards are taken away from the honest ones.
    pub(crate) fn without(keeper: Keeper, guards: &[&str]) -> Self {
        let ward = Ward::quick(programs!());
        let [a, b, liar] = ward.people(["anna", "berta", "mallory"]);
        let (a, b) = (a.armed(guards), b.armed(guards));
        let (maker, others) = match keeper {
            Keeper::Honest => (&a, ["berta", "mallory"]),
            Keeper::Liar => (&liar, ["anna", "berta"]),
        };
        let made = maker.ask(&["conversation", "create", "Ward 4", "--with", others[0], "--with", others[1]]);
        let conversation = made["conversation"].as_str().unwrap().to_owned();
        let owners = vec![a.follow(), b.follow()];
        let mut scene = Self { ward, a, b, liar, conversation, owners, said: Vec::new() };
        until("everybody is in", || scene.members(&scene.b).len() == 3);
        scene.talk("before");
        scene
    }

    /// The liar runs a command with these lies planted, and goes.
    pub(crate) fn lie(&self, points: &[&str], arguments: &[&str]) -> wardline_tests::Output {
        self.liar.armed(points).cli(&[arguments, &["--json"]].concat())
    }

    /// Everybody honest says something, and everybody honest is shown all of it, once, in one order.
    pub(crate) fn talk(&mut self, word: &str) {
        let from = Instant::now();
        for device in [self.a.clone(), self.b.clone()] {
            let text = format!("{word} from {}", device.user);
            self.say(&device, &text, from);
        }
        let (a, b) = (self.a.clone(), self.b.clone());
        let shown = |device: &Device| -> Vec<(u64, String)> {
            let all = self.read(device).into_iter().filter(|one| one["kind"] == "text");
            let mine = |text: &String| self.said.contains(text);
            all.map(|one| (one["number"].as_u64().unwrap(), one["text"].as_str().unwrap().to_owned()))
                .filter(|(_, text)| mine(text))
                .collect()
        };
        within(TALK_ON, "everybody is shown the same", || {
            let (at_a, at_b) = (shown(&a), shown(&b));
            at_a == at_b && at_a.len() == self.said.len()
        });
        let mut texts: Vec<String> = shown(&a).into_iter().map(|(_, text)| text).collect();
        texts.sort_unstable();
        let mut said = self.said.clone();
        said.sort_unstable();
        assert_eq!(texts, said, "nothing acknowledged is lost or doubled");
        assert!(from.elapsed() < TALK_ON, "they talk on within {TALK_ON:?}: {:?}", from.elapsed());
    }

    /// One of them says something, and it is acknowledged.
    fn say(&mut self, device: &Device, text: &str, from: Instant) {
        loop {
            let sent = device.cli(&["send", &self.conversation, text, "--json"]);
            if sent.status == 0 && sent.object()["state"] == "sent" {
                break self.said.push(text.to_owned());
            }
            let sent = format!("{sent:?}");
            assert!(!sent.contains("\"queued\""), "what waits would be said twice: {sent}");
            assert!(from.elapsed() < TALK_ON, "{} can speak again: {sent}", device.user);
            sleep(Duration::from_millis(200));
        }
    }

    /// What a device shows of the conversation.
    pub(crate) fn show(&self, device: &Device) -> Value {
        device.ask(&["conversation", "show", &self.conversation])
    }

    /// The entries that a device shows.
    pub(crate) fn read(&self, device: &Device) -> Vec<Value> {
        device.ask_all(&["read", &self.conversation])
    }

    /// The user ids in the conversation, as a device shows them.
    pub(crate) fn members(&self, device: &Device) -> Vec<String> {
        users(&self.show(device))
    }

    /// Both honest people name the liar for this, and nothing is held any more.
    pub(crate) fn named(&self, why: &str) {
        for device in [&self.a, &self.b] {
            within(TALK_ON, "it is put right", || {
                let shown = self.show(device);
                shown.get("held").is_none() && fault_of(&shown, why).is_some()
            });
            let shown = self.show(device);
            let fault = fault_of(&shown, why).unwrap();
            assert_eq!(fault["user"], "mallory", "{shown}");
            assert!(fault["number"].as_u64().unwrap() > 0, "{shown}");
            assert!(shown.get("relay_faults").is_none(), "the relay did nothing: {shown}");
            let events = self.read(device);
            let told = |one: &Value| {
                let text = one["text"].as_str().unwrap();
                one["kind"] == "event" && text.contains(why) && text.contains("Name of mallory")
            };
            assert!(events.iter().any(told), "{} is told who: {events:?}", device.user);
        }
    }

    /// The liar is out, for both.
    pub(crate) fn liar_is_out(&self) {
        for device in [&self.a, &self.b] {
            until("the liar is out", || !self.members(device).contains(&"mallory".to_owned()));
        }
    }

    /// Another device of somebody, enrolled; it follows nothing yet.
    pub(crate) fn another_device(&self, of: &Device, invitation: &[&str]) -> Device {
        let home = self.ward.folder().join(format!("{}-second", of.user));
        let mut second = of.clone();
        second.home = home;
        let name = format!("Name of {}", of.user);
        let invite = ["admin", "invite", &of.user, "--name", &name];
        let invited = self.ward.administrator.ask(&[&invite, invitation].concat());
        let registrar = self.ward.administrator.start(&["admin", "registrar"]);
        let link = invited["invitation"].as_str().unwrap();
        drop(second.ask_all(&["enrol", link, "--device", "second"]));
        drop(registrar);
        // It leaves with the relay what others add it with.
        drop(second.ask(&["sync"]));
        second
    }
}

/// The user ids in what `conversation show` says.
pub(crate) fn users(shown: &Value) -> Vec<String> {
    let members = shown["members"].as_array().unwrap().iter();
    members.map(|one| one["user"].as_str().unwrap().to_owned()).collect()
}

/// The devices of a user in what `conversation show` says.
pub(crate) fn devices(shown: &Value, user: &str) -> Vec<String> {
    let members = shown["members"].as_array().unwrap().iter();
    let theirs = members.filter(|one| one["user"] == user);
    theirs
        .flat_map(|one| one["devices"].as_array().unwrap())
        .map(|device| device["device"].as_str().unwrap().to_owned())
        .collect()
}

fn fault_of(shown: &Value, why: &str) -> Option<Value> {
    let faults = shown.get("member_faults")?.as_array()?;
    faults.iter().find(|fault| fault["why"].as_str().unwrap().contains(why)).cloned()
}

/// Waits for something for as long as the slowest machine takes.
pub(crate) fn until(what: &str, done: impl FnMut() -> bool) {
    within(TALK_ON, what, done);
}

/// Waits for something.
pub(crate) fn within(span: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let from = Instant::now();
    while !done() {
        assert!(from.elapsed() < span, "within {span:?}: {what}");
        sleep(Duration::from_millis(50));
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.owners.clear();
    }
}
