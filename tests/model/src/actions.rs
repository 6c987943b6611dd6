//! What can happen next, and what it changes.

use stateright::{Model, Property};

use crate::{
    clinic::{CONVERSATIONS, Chat, Clinic, DEVICES, Guard, Outgoing, Scene, State},
    log::{Accepted, Commit, Entry, Prefix},
    promises,
    relay::SendOutcome,
    set::{Device, Set},
};

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// An administrator's list reaches the relay.
    Publish(usize),
    /// An administrator whose list did not go on from the relay's signs the next.
    SignAgain(usize),
    /// The fences follow; only without a guard.
    RaiseFences(usize),
    /// A device hears of the newest list.
    Learn(Device),
    /// The relay asks a member to remove who is inside the fence.
    Ask(usize, Device),
    /// It has waited long enough for that member.
    LeaseEnds(usize),
    /// A device encrypts its message.
    Encrypt(Device, usize),
    /// A message reaches the relay; whether the answer is lost.
    Send(Device, usize, bool),
    /// A device commits.
    Commit(Device, usize),
    /// A commit reaches the relay.
    TakeCommit(Device, usize),
    /// A device takes in the next entry.
    Read(Device, usize),
    /// A device that keeps to nothing has a commit reach the relay.
    Trick(Device, usize, Trick),
}

/// What a device tries that keeps to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Trick {
    /// To put out somebody else.
    Expel,
    /// To be let in, or to let in, who is revoked, by the commit that takes them out.
    Anew,
    /// To let in who was taken out.
    Back,
    /// To tell the relay that who is revoked goes, and keep them in the group.
    Lie,
}

impl Trick {
    const ALL: [Self; 4] = [Self::Expel, Self::Anew, Self::Back, Self::Lie];

    fn bit(self) -> u8 {
        1 << self as u8
    }

    fn commit(self, author: Device, group: Set, revoked: Set, epoch: u8) -> Option<Commit> {
        let inside = group.and(revoked);
        let commit = |leaves, removes, joins| Commit {
            author,
            epoch,
            leaves,
            removes,
            joins,
            accepted: Accepted::default(),
        };
        match self {
            Self::Expel => {
                let other = group.less(revoked).less(Set::of(author)).iter().next()?;
                Some(commit(Set::of(other), Set::of(other), Set::NOBODY))
            }
            Self::Anew if !inside.is_empty() => Some(commit(inside, inside, inside)),
            Self::Back if inside.is_empty() => Some(commit(Set::NOBODY, Set::NOBODY, revoked)),
            Self::Lie if !inside.is_empty() => Some(commit(inside, Set::NOBODY, Set::NOBODY)),
            _ => None,
        }
    }
}

impl Clinic {
    /// Whether a device would encrypt or commit, from what it has read.
    fn may_encrypt(&self, state: &State, device: Device, prefix: &Prefix) -> bool {
        let known = state.phones[usize::from(device)].known;
        let clean = prefix.group.and(known).is_empty() || !self.guards(Guard::ListBeforeSend);
        let held = prefix.group != prefix.told && self.guards(Guard::LieIsSeen);
        prefix.group.has(device) && clean && !held
    }

    /// The commit that a device owes a conversation.
    fn owed(&self, state: &State, device: Device, conversation: usize) -> Option<Commit> {
        let (prefix, chat) = (state.seen_by(device, conversation), state.chat(device, conversation));
        let known = state.phones[usize::from(device)].known;
        let revoked = prefix.group.and(known);
        let lied = prefix.group != prefix.told && self.guards(Guard::LieIsSeen);
        let wished = !revoked.is_empty() && (self.scene != Scene::ByTask || chat.asked);
        if !prefix.group.has(device)
            || known.has(device)
            || chat.commit.is_some()
            || chat.merges
            || !(wished || lied)
        {
            return None;
        }
        // Right again: nobody revoked, nobody who lied, and the same for the group as for the relay.
        let stay =
            prefix.group.and(prefix.told).less(known).less(if lied { prefix.liars } else { Set::NOBODY });
        let (leaves, removes) = (prefix.told.less(stay), prefix.group.less(stay));
        let (joins, accepted) = (Set::NOBODY, Accepted::default());
        Some(Commit { author: device, epoch: prefix.epoch, leaves, removes, joins, accepted })
    }

    /// What a trickster can try now.
    fn tricks(&self, state: &State, device: Device, conversation: usize, actions: &mut Vec<Action>) {
        // In one conversation, or there would be too many states: the other is as the first but for that.
        if self.is_honest(state, device) || conversation != 0 {
            return;
        }
        let tried = state.chat(device, conversation).tricks;
        for trick in Trick::ALL.into_iter().filter(|trick| tried & trick.bit() == 0) {
            if self.trick(state, device, conversation, trick).is_some() {
                actions.push(Action::Trick(device, conversation, trick));
            }
        }
    }

    /// A trick's commit; it knows all that there is, as the network and who colludes tell it.
    fn trick(&self, state: &State, device: Device, conversation: usize, trick: Trick) -> Option<Commit> {
        let now = crate::log::read(&state.logs[conversation].entries, Self::everybody());
        trick.commit(device, now.group, state.list.1, now.epoch)
    }

    fn of_device(&self, state: &State, device: Device, conversation: usize, actions: &mut Vec<Action>) {
        let (chat, log) = (state.chat(device, conversation), &state.logs[conversation]);
        if matches!(chat.message, Outgoing::Sent { .. }) {
            actions.push(Action::Send(device, conversation, false));
            if conversation == 0 && matches!(chat.message, Outgoing::Sent { lost: false, .. }) {
                actions.push(Action::Send(device, conversation, true));
            }
        }
        if chat.commit.is_some() {
            actions.push(Action::TakeCommit(device, conversation));
        }
        self.tricks(state, device, conversation, actions);
        // What 2 reads changes nothing that it could do: it knows all that there is.
        if device == 2 {
            return;
        }
        let prefix = state.seen_by(device, conversation);
        // Its stream ends with the revocation.
        if usize::from(chat.read) < log.entries.len() && prefix.group.has(device) && !state.list.1.has(device)
        {
            actions.push(Action::Read(device, conversation));
        }
        if !self.is_honest(state, device) {
            return;
        }
        if chat.message == Outgoing::Waits
            && chat.commit.is_none()
            && !chat.merges
            && self.may_encrypt(state, device, &prefix)
        {
            actions.push(Action::Encrypt(device, conversation));
        }
        if self.is_diligent(device) && self.owed(state, device, conversation).is_some() {
            actions.push(Action::Commit(device, conversation));
        }
    }

    fn of_log(&self, state: &State, conversation: usize, actions: &mut Vec<Action>) {
        let log = &state.logs[conversation];
        if !log.late.is_empty() {
            actions.push(Action::RaiseFences(conversation));
        }
        if log.fence.is_empty() || self.scene != Scene::ByTask {
            return;
        }
        match log.lease {
            Some(_) if self.guards(Guard::LeaseEnds) => actions.push(Action::LeaseEnds(conversation)),
            Some(_) => {}
            None => {
                let next = log.roster.less(log.fence).less(log.asked);
                actions.extend(next.iter().map(|device| Action::Ask(conversation, device)));
            }
        }
    }

    fn after_send(&self, chat: &mut Chat, outcome: &SendOutcome, lose: bool) {
        chat.message = match (chat.message.clone(), outcome) {
            (Outgoing::Sent { epoch, readers, known, .. }, _) if lose => {
                Outgoing::Sent { epoch, readers, known, lost: true }
            }
            (_, SendOutcome::Accepted) => Outgoing::Done,
            (_, SendOutcome::Again) if self.guards(Guard::EncryptedAgain) => Outgoing::Waits,
            _ => Outgoing::None,
        };
    }
}

impl Model for Clinic {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.begin()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (number, desk) in state.desks.iter().enumerate().filter(|(_, desk)| !desk.answered) {
            let goes_on = desk.signed.0 == state.list.0 + 1 || !self.guards(Guard::CompareAndSet);
            actions.push(if goes_on { Action::Publish(number) } else { Action::SignAgain(number) });
        }
        for device in 0..DEVICES {
            let hears = self.scene != Scene::ByTask && !state.list.1.has(device);
            if hears && device != 2 && state.phones[usize::from(device)].known != state.list.1 {
                actions.push(Action::Learn(device));
            }
            for conversation in 0..CONVERSATIONS {
                self.of_device(state, device, conversation, actions);
            }
        }
        (0..CONVERSATIONS).for_each(|conversation| self.of_log(state, conversation, actions));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Publish(desk) => {
                self.publish(&mut state, desk);
            }
            Action::SignAgain(desk) => {
                let (number, devices) = state.list;
                let desk = &mut state.desks[desk];
                desk.signed = (number + 1, devices.with(desk.device));
            }
            Action::RaiseFences(conversation) => {
                let log = &mut state.logs[conversation];
                (log.fence, log.late) = (log.fence.or(log.late.and(log.roster)), Set::NOBODY);
            }
            Action::Learn(device) => state.phones[usize::from(device)].known = state.list.1,
            Action::Ask(conversation, device) => {
                let log = &mut state.logs[conversation];
                (log.lease, log.asked) = (Some(device), log.asked.with(device));
                // The task names the list, which is fetched first.
                state.phones[usize::from(device)].known = state.list.1;
                state.chat_mut(device, conversation).asked = true;
            }
            Action::LeaseEnds(conversation) => state.logs[conversation].lease = None,
            Action::Encrypt(device, conversation) => {
                let prefix = state.seen_by(device, conversation);
                let known = state.phones[usize::from(device)].known;
                let lost = false;
                state.chat_mut(device, conversation).message =
                    Outgoing::Sent { epoch: prefix.epoch, readers: prefix.group, known, lost };
            }
            Action::Send(device, conversation, lose) => {
                let outcome = self.send(&mut state, device, conversation);
                self.after_send(state.chat_mut(device, conversation), &outcome, lose);
            }
            Action::Commit(device, conversation) => {
                state.chat_mut(device, conversation).commit = self.owed(last, device, conversation);
            }
            Action::TakeCommit(device, conversation) => {
                let commit = state.chat(device, conversation).commit?;
                state.chat_mut(device, conversation).commit = None;
                let taken = self.commit(&mut state, conversation, commit);
                state.chat_mut(device, conversation).merges = taken;
            }
            Action::Read(device, conversation) => {
                let chat = state.chat(device, conversation);
                let entry = last.logs[conversation].entries.get(usize::from(chat.read))?;
                let own = matches!(entry, Entry::Commit(commit) if commit.author == device);
                let chat = state.chat_mut(device, conversation);
                (chat.read, chat.merges) = (chat.read + 1, chat.merges && !own);
            }
            Action::Trick(device, conversation, trick) => {
                let commit = self.trick(last, device, conversation, trick)?;
                // One that is refused changes nothing, and is tried again after everything else that happens.
                if self.commit(&mut state, conversation, commit) {
                    state.chat_mut(device, conversation).tricks |= trick.bit();
                }
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::all()
    }
}
