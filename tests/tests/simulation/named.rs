//! What an administrator did to devices in a scene, in which order: nothing that was begun after the instant may reach them.

use std::collections::{BTreeMap, HashMap};

use crate::operation::Act;

/// An act: when it was asked for, and when it was answered, in the order of [`Named`].
#[derive(Debug)]
struct Asked {
    act: Act,
    answered: Option<u64>,
}

/// Messages and acts, in the order in which they were begun and answered.
#[derive(Debug, Default)]
pub(crate) struct Named {
    order: u64,
    /// When each message was begun, by its text.
    begun: HashMap<String, u64>,
    /// By the device's name in the trace.
    acts: BTreeMap<String, Vec<Asked>>,
}

impl Named {
    fn next(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    /// A message is begun.
    pub(crate) fn begins(&mut self, text: &str) {
        let now = self.next();
        self.begun.insert(text.to_owned(), now);
    }

    /// An act is asked for; its place among those about the device.
    pub(crate) fn asks(&mut self, name: &str, act: Act) -> usize {
        let acts = self.acts.entry(name.to_owned()).or_default();
        acts.push(Asked { act, answered: None });
        acts.len() - 1
    }

    /// It is in force, as the relay says.
    pub(crate) fn is_answered(&mut self, name: &str, place: usize) {
        let now = self.next();
        if let Some(asked) = self.acts.get_mut(name).and_then(|acts| acts.get_mut(place)) {
            asked.answered = Some(now);
        }
    }

    /// Whether anything was ever to be done to the device.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.acts.contains_key(name)
    }

    /// How many acts were answered.
    pub(crate) fn answered(&self) -> usize {
        self.acts.values().flatten().filter(|asked| asked.answered.is_some()).count()
    }

    /// Whether a message was begun after the device was out for good by an answer. A hold that somebody may have ended is not
    /// for good.
    pub(crate) fn is_after(&self, name: &str, text: &str) -> bool {
        let acts = self.acts.get(name).map(Vec::as_slice).unwrap_or_default();
        let reinstated = acts.iter().any(|asked| asked.act == Act::Reinstate);
        let lasts = |asked: &&Asked| match asked.act {
            Act::Revoke => true,
            Act::Hold => !reinstated,
            Act::Reinstate => false,
        };
        let instant = acts.iter().filter(lasts).filter_map(|asked| asked.answered).min();
        instant.zip(self.begun.get(text)).is_some_and(|(instant, begun)| *begun > instant)
    }
}
