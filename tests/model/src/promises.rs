//! The promises, of every state.

use stateright::{Model as _, Property};

use crate::{
    clinic::{CONVERSATIONS, Clinic, DEVICES, Outgoing, Scene, State},
    log::{Entry, Message, read},
    set::Set,
};

/// What shows that a scene is not empty.
pub const SAID_AFTER: &str = "something was said after a revocation";

/// Each with its name.
pub(crate) fn all() -> Vec<Property<Clinic>> {
    vec![
        Property::always("P3b", opens_for_nobody_revoked),
        Property::always("P3c", encrypts_to_nobody_known),
        Property::always("P3 silent", says_nothing_more),
        Property::always("P3 removed first", removed_first),
        Property::always("P3 no list lost", no_list_lost),
        Property::always("P5 once", once),
        Property::always("P5 acknowledged", acknowledged),
        Property::always("P5 one order", one_order),
        Property::always("P5 in the end", in_the_end),
        Property::sometimes(SAID_AFTER, said_after),
    ]
}

fn messages(state: &State) -> impl Iterator<Item = &Message> {
    state.logs.iter().flat_map(|log| &log.entries).filter_map(|entry| match entry {
        Entry::Message(message) => Some(message),
        Entry::Commit(_) => None,
    })
}

/// Nothing that was accepted of a member that keeps the protocol, once a revocation was in force, opens for that device.
fn opens_for_nobody_revoked(clinic: &Clinic, state: &State) -> bool {
    clinic.scene == Scene::HostileRelay
        || messages(state).all(|message| message.readers.and(message.revoked).is_empty())
}

/// Nobody encrypts to whom they know to be revoked.
fn encrypts_to_nobody_known(_: &Clinic, state: &State) -> bool {
    messages(state).all(|message| message.readers.and(message.known).is_empty())
}

/// Nothing of a revoked device is accepted.
fn says_nothing_more(clinic: &Clinic, state: &State) -> bool {
    let silent = messages(state).all(|message| !message.revoked.has(message.sender));
    let by_revoked = |entry: &Entry| matches!(entry, Entry::Commit(commit) if commit.accepted.by_revoked);
    clinic.scene == Scene::HostileRelay
        || silent && !state.logs.iter().flat_map(|log| &log.entries).any(by_revoked)
}

/// While somebody is inside a fence, nothing but their removal is accepted.
fn removed_first(clinic: &Clinic, state: &State) -> bool {
    let other = |entry: &Entry| matches!(entry, Entry::Commit(commit) if commit.accepted.passed_fence);
    clinic.scene == Scene::HostileRelay || !state.logs.iter().flat_map(|log| &log.entries).any(other)
}

/// What an administrator was answered stays in force.
fn no_list_lost(_: &Clinic, state: &State) -> bool {
    state.desks.iter().all(|desk| !desk.answered || state.list.1.has(desk.device))
}

/// No message is in a log twice.
fn once(_: &Clinic, state: &State) -> bool {
    state.logs.iter().all(|log| {
        let of = |device| messages_of(log, device);
        (0..DEVICES).all(|device| of(device) <= 1)
    })
}

fn messages_of(log: &crate::clinic::Log, device: u8) -> usize {
    log.entries
        .iter()
        .filter(|entry| matches!(entry, Entry::Message(message) if message.sender == device))
        .count()
}

/// What was acknowledged is in the log.
fn acknowledged(_: &Clinic, state: &State) -> bool {
    let there = |device: u8, conversation: usize| {
        state.chat(device, conversation).message != Outgoing::Done
            || messages_of(&state.logs[conversation], device) > 0
    };
    (0..DEVICES).all(|device| (0..CONVERSATIONS).all(|conversation| there(device, conversation)))
}

/// Each commit goes on from the one before: all members can follow.
fn one_order(_: &Clinic, state: &State) -> bool {
    state.logs.iter().all(|log| {
        let commits = log.entries.iter().filter_map(|entry| match entry {
            Entry::Commit(commit) => Some(commit.epoch),
            Entry::Message(_) => None,
        });
        commits.enumerate().all(|(place, epoch)| usize::from(epoch) == place)
    })
}

/// Where nothing more can happen, the revoked are out, and who stayed has said everything and read everything.
fn in_the_end(clinic: &Clinic, state: &State) -> bool {
    let mut actions = Vec::new();
    clinic.actions(state, &mut actions);
    if actions.iter().any(|action| clinic.next_state(state, *action).is_some()) {
        return true;
    }
    let stays = |device: &u8| clinic.is_honest(state, *device);
    (0..CONVERSATIONS).all(|conversation| {
        let log = &state.logs[conversation];
        let end = read(&log.entries, Clinic::everybody());
        let out = log.fence.is_empty() && end.group.and(state.list.1).is_empty() && end.group == end.told;
        let honest = || Clinic::everybody().iter().filter(stays).filter(|device| end.group.has(*device));
        // Where nobody is left who keeps the protocol, nobody is left to put anything right.
        honest().next().is_none()
            || out
                && honest().all(|device| {
                    let chat = state.chat(device, conversation);
                    let said = matches!(chat.message, Outgoing::Done)
                        || clinic.begin().chat(device, conversation).message == Outgoing::None;
                    said && usize::from(chat.read) == log.entries.len()
                })
    })
}

/// The scenes are not empty.
fn said_after(_: &Clinic, state: &State) -> bool {
    messages(state).any(|message| message.revoked != Set::NOBODY)
}
