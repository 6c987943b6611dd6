//! What a running relay remembers of asking: whose turn it is for each task, since when who cannot follow, and which
//! conversation is looked at when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wardline_proto::{ConversationId, DeviceId, EntryNumber, UtcMillis, fault};

use super::stuck::Stuck;
use crate::domain::membership::{
    ASKED_AT_ONCE_MAX, Circle, GATHER, LEASE, MENDING, Patience, REST_MAX, SUCCEEDING, Step, Task, TaskId,
    TaskKind, Turn, candidates, patience, reported_numbers,
};
use crate::live::Live;
use crate::task_bell::Rung;

/// The memory of the job.
#[derive(Debug, Default)]
pub struct Board {
    /// When the relay began; `None` before the first pass.
    begun: Option<UtcMillis>,
    /// When renewals are looked for next.
    clock_look: UtcMillis,
    open: BTreeMap<ConversationId, Open>,
    /// What to look at in the next pass.
    looks: BTreeSet<ConversationId>,
    /// How many tasks each device is asked for now.
    asked: BTreeMap<DeviceId, usize>,
}

/// A conversation that is owed something.
#[derive(Debug, Default)]
struct Open {
    turns: BTreeMap<TaskId, Turn>,
    /// Whom its tasks let in.
    lets_in: BTreeSet<DeviceId>,
    stuck: Stuck,
    due: Option<UtcMillis>,
    /// Whom it asks now, and for how many tasks.
    busy: BTreeMap<DeviceId, usize>,
    /// Whether somebody has too much to do to be asked.
    crowded: bool,
}

/// What a look at a conversation comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Next {
    /// Whom to ask for what, until when.
    pub(super) ask: Vec<(DeviceId, TaskId, UtcMillis)>,
    /// The commit at which to close the log.
    pub(super) close: Option<EntryNumber>,
}

impl Board {
    pub(super) const fn is_new(&self) -> bool {
        self.begun.is_none()
    }

    pub(super) fn begin(&mut self, owed: Vec<ConversationId>, now: UtcMillis) {
        self.begun = Some(now);
        self.looks.extend(owed);
    }

    pub(super) fn owed(&mut self, conversation: ConversationId) {
        self.looks.insert(conversation);
    }

    /// Takes in what was rung for.
    pub(super) fn hear(&mut self, rung: Rung, live: &Live) {
        for conversation in rung.owed {
            // Whoever is asked to remove some is asked anew when there are more.
            if let Some(open) = self.open.get_mut(&conversation) {
                open.turns.remove(&Task::removal_id(conversation));
            }
            self.looks.insert(conversation);
        }
        for (conversation, number) in rung.said_anew {
            // Who could not judge it may now: it is said by another key.
            let turn = self
                .open
                .get_mut(&conversation)
                .and_then(|open| open.turns.get_mut(&Task::add_anew_id(conversation, number)));
            if let Some(turn) = turn.filter(|_| !fault::planted("mutant.said_anew_rests")) {
                turn.begin_anew();
            }
            self.looks.insert(conversation);
        }
        self.looks.extend(rung.moved.into_iter().filter(|moved| self.open.contains_key(moved)));
        for device in rung.ready {
            for conversation in live.conversations_of(device) {
                if let Some(open) = self.open.get_mut(&conversation) {
                    // What it was asked before it went may not have reached it.
                    open.turns.values_mut().for_each(|turn| turn.forget(device));
                    self.looks.insert(conversation);
                }
            }
        }
        if rung.packed.is_empty() {
            return;
        }
        // Whoever could not be let in for want of packages can be now.
        for (conversation, open) in &mut self.open {
            if !open.lets_in.is_disjoint(&rung.packed) {
                open.turns.values_mut().for_each(Turn::begin_anew);
                self.looks.insert(*conversation);
            }
        }
    }

    pub(super) fn looks_by_the_clock(&self, now: UtcMillis) -> bool {
        // A clock that was set back must not put it off.
        now >= self.clock_look || self.clock_look > plus(now, CLOCK_LOOK)
    }

    pub(super) fn looked_by_the_clock(&mut self, owed: BTreeSet<ConversationId>, now: UtcMillis) {
        self.clock_look = plus(now, CLOCK_LOOK);
        self.looks.extend(owed);
    }

    /// What to look at now.
    pub(super) fn due(&self, now: UtcMillis) -> BTreeSet<ConversationId> {
        // Nothing waits longer than the longest rest: what does was noted by a clock that was ahead.
        let is_due = |open: &Open| open.due.is_some_and(|due| due <= now || due > plus(now, REST_MAX));
        let due = self.open.iter().filter(|(_, open)| is_due(open)).map(|(conversation, _)| *conversation);
        due.chain(self.looks.iter().copied()).collect()
    }

    /// When to look next, if nothing is rung for.
    pub(super) fn next_due(&self, now: UtcMillis) -> UtcMillis {
        if !self.looks.is_empty() {
            return now;
        }
        self.open.values().filter_map(|open| open.due).fold(self.clock_look, Ord::min)
    }

    /// Looks at one conversation as it is, with these connected.
    pub(super) fn look(
        &mut self,
        conversation: ConversationId,
        circle: Option<&Circle>,
        ready: &BTreeSet<DeviceId>,
        now: UtcMillis,
    ) -> Next {
        self.looks.remove(&conversation);
        let mut open = self.open.remove(&conversation).unwrap_or_default();
        let before = std::mem::take(&mut open.busy);
        let Some(circle) = circle.filter(|circle| !circle.tasks.is_empty()) else {
            self.count(before, BTreeMap::new());
            // Whoever could not follow a moment ago may say so again.
            if let Some(circle) = circle {
                open.stuck.hear(circle, now);
                if let Some(due) = open.stuck.forgets_at() {
                    let stuck = open.stuck;
                    self.open.insert(conversation, Open { stuck, due: Some(due), ..Open::default() });
                }
            }
            return Next::default();
        };
        let begun = self.begun.unwrap_or(now);
        let mut next = Next::default();
        (open.due, open.crowded) = (None, false);
        open.lets_in = circle.tasks.iter().filter_map(|task| task.kind.lets_in()).collect();
        open.turns.retain(|id, _| circle.tasks.iter().any(|task| task.id() == *id));
        // What this conversation asks of each counts anew below.
        self.count(before, BTreeMap::new());
        for task in &circle.tasks {
            self.ask(&mut open, circle, task, ready, now, &mut next);
        }
        next.close = closes(&mut open, circle, ready, begun, now);
        open.busy = busy(&open);
        self.count(BTreeMap::new(), open.busy.clone());
        self.open.insert(conversation, open);
        next
    }

    fn ask(
        &self,
        open: &mut Open,
        circle: &Circle,
        task: &Task,
        ready: &BTreeSet<DeviceId>,
        now: UtcMillis,
        next: &mut Next,
    ) {
        if let Some(from) = gathers_until(task, now) {
            return wait(open, from);
        }
        let turn = open.turns.entry(task.id()).or_default();
        let mut able = candidates(circle, task, ready, now);
        let count = able.len();
        let has_turn = turn.asked_now();
        able.retain(|device| {
            let asked = self.asked.get(device).copied().unwrap_or_default();
            asked < ASKED_AT_ONCE_MAX || has_turn == Some(*device)
        });
        let crowded = able.len() < count;
        match turn.step(&able, now) {
            Step::Ask(device, until) => {
                next.ask.push((device, task.id(), until));
                wait(open, until);
            }
            Step::Wait(until) => wait(open, until),
            Step::Sleep => {}
        }
        if crowded {
            wait(open, plus(now, LEASE));
            open.crowded = true;
        }
        // A successor's maker has some time by itself.
        if let Some(barren) = circle.barren
            && matches!(task.kind, TaskKind::Succeed { .. })
        {
            let until = plus(barren.made_at, SUCCEEDING);
            if now < until {
                wait(open, until.min(plus(now, SUCCEEDING)));
            }
        }
    }

    /// Takes turns off and puts others on; where somebody got free, those who wait for that are looked at.
    fn count(&mut self, off: BTreeMap<DeviceId, usize>, on: BTreeMap<DeviceId, usize>) {
        let mut freed = false;
        for (device, turns) in off {
            if let Some(count) = self.asked.get_mut(&device) {
                freed |= *count >= ASKED_AT_ONCE_MAX;
                *count = count.saturating_sub(turns);
                if *count == 0 {
                    self.asked.remove(&device);
                }
            }
        }
        for (device, turns) in on {
            *self.asked.entry(device).or_default() += turns;
        }
        if freed {
            self.looks.extend(self.open.iter().filter(|(_, open)| open.crowded).map(|(id, _)| *id));
        }
    }
}

/// Whom a conversation asks now, and for how many tasks.
fn busy(open: &Open) -> BTreeMap<DeviceId, usize> {
    let mut busy = BTreeMap::new();
    for device in open.turns.values().filter_map(Turn::asked_now) {
        *busy.entry(device).or_default() += 1;
    }
    busy
}

fn wait(open: &mut Open, until: UtcMillis) {
    open.due = Some(open.due.map_or(until, |due| due.min(until)));
}

/// Until when reports gather before anybody is asked.
fn gathers_until(task: &Task, now: UtcMillis) -> Option<UtcMillis> {
    let until = plus(task.made_at, GATHER);
    (matches!(task.kind, TaskKind::AddAnew { .. }) && now < until && task.made_at <= now).then_some(until)
}

/// The commit at which the log is closed now, if it is: the first that enough people have been unable to follow for long
/// enough.
fn closes(
    open: &mut Open,
    circle: &Circle,
    ready: &BTreeSet<DeviceId>,
    begun: UtcMillis,
    now: UtcMillis,
) -> Option<EntryNumber> {
    open.stuck.hear(circle, now);
    if let Some(until) = open.stuck.forgets_at() {
        wait(open, until);
    }
    // A relay that has just started gives those who come back their time.
    let since_start = if begun <= now { plus(begun, MENDING) } else { now };
    for number in reported_numbers(circle) {
        let Patience::For(span) = patience(circle, number, ready, now) else { continue };
        if span.is_zero() {
            return Some(number);
        }
        let Some(since) = open.stuck.enough_since(circle, number, now) else { continue };
        let until = plus(since, span).max(since_start);
        if now >= until {
            return Some(number);
        }
        wait(open, until);
    }
    None
}

/// An instant and a span later.
pub(super) fn plus(instant: UtcMillis, span: Duration) -> UtcMillis {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    UtcMillis::new(instant.get().saturating_add(millis))
}

/// How often renewals are looked for.
const CLOCK_LOOK: Duration = Duration::from_secs(60);
