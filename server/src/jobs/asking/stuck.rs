//! Since when each device of a conversation cannot follow, as a running relay remembers it, and since when those who cannot
//! are enough to close its log.
//!
//! Each has its own time. Taken out and in by what does not open, a device says nothing for a moment and then says so of a
//! later commit: it has waited since it first said so. Only what it follows itself ends that: whoever lets another one
//! follow, or a device of her own, gains nothing by it.

use std::collections::BTreeMap;
use std::time::Duration;

use wardline_proto::{DeviceId, EntryNumber, UtcMillis, fault};

use super::board::plus;
use crate::domain::membership::{Circle, MENDING, Member, Reporter, counted, needed};

/// Those who say so, and those who did a moment ago.
#[derive(Debug, Default)]
pub(super) struct Stuck(BTreeMap<DeviceId, Wait>);

/// One who cannot follow.
#[derive(Debug)]
struct Wait {
    /// The first commit of which it said so.
    number: EntryNumber,
    since: UtcMillis,
    /// Since when it says so no more; it is remembered for a while.
    silent: Option<UtcMillis>,
}

impl Wait {
    const fn begun(number: EntryNumber, now: UtcMillis) -> Self {
        Self { number, since: now, silent: None }
    }

    /// Whether it is the same wait when the device says so of this commit. Whoever takes the others out and in every few
    /// seconds mends nothing, and gains no time.
    fn goes_on(&self, number: EntryNumber) -> bool {
        self.number == number || self.number < number && !fault::planted("mutant.again_is_mending")
    }

    fn is_remembered(&self, now: UtcMillis) -> bool {
        // What lies ahead was noted before the clock was set back.
        let is_past = |instant| instant <= now || fault::planted("mutant.ahead_waits");
        let lately = |silent| is_past(silent) && now < plus(silent, kept());
        is_past(self.since) && self.silent.is_none_or(lately)
    }

    /// Whether the device has followed something since, by its own word. That it was put out by that very commit is not.
    fn is_over(&self, member: &Member) -> bool {
        member.spans.followed(self.number) && !member.spans.was_put_out(self.number)
    }
}

impl Stuck {
    /// Takes in who says so now.
    pub(super) fn hear(&mut self, circle: &Circle, now: UtcMillis) {
        if circle.closed.is_some() {
            return self.0.clear();
        }
        // 1. What is over.
        self.0.retain(|_, wait| wait.is_remembered(now));
        let before = self.0.len();
        for member in circle.members.iter().chain(circle.put_out.iter().map(|one| &one.member)) {
            if self.0.get(&member.device).is_some_and(|wait| wait.is_over(member)) {
                self.0.remove(&member.device);
            }
        }
        let mut others_again = self.0.len() < before;
        // 2. Who says so.
        let says: BTreeMap<DeviceId, EntryNumber> =
            circle.reports.iter().map(|report| (report.device, report.number)).collect();
        for (device, number) in &says {
            let wait = self.0.entry(*device).or_insert_with(|| Wait::begun(*number, now));
            if wait.goes_on(*number) {
                wait.silent = None;
            } else {
                *wait = Wait::begun(*number, now);
                others_again = true;
            }
        }
        if others_again && fault::planted("mutant.liars_time") {
            self.0.values_mut().for_each(|wait| wait.since = now);
        }
        // 3. Who says so no more.
        for (_, wait) in self.0.iter_mut().filter(|(device, _)| !says.contains_key(device)) {
            wait.silent.get_or_insert(now);
        }
    }

    /// When the next of those who say nothing is forgotten.
    pub(super) fn forgets_at(&self) -> Option<UtcMillis> {
        self.0.values().filter_map(|wait| wait.silent).min().map(|silent| plus(silent, kept()))
    }

    /// Since when those who cannot follow this commit, or an earlier one until they were let in anew, are enough to close the
    /// log, if they are. A person waits since the first of her devices does.
    pub(super) fn enough_since(
        &self,
        circle: &Circle,
        number: EntryNumber,
        now: UtcMillis,
    ) -> Option<UtcMillis> {
        // An author's own devices do not wait, or she would close a log with the one person whom she has broken; unless nobody
        // else is in it.
        let about = circle.reports.iter().find(|report| report.number == number);
        let author = about.map(|report| report.author_user.as_str());
        let own = circle.members.iter().all(|member| author == Some(member.user.as_str()))
            || fault::planted("mutant.authors_time");
        let waits =
            |word: &&Reporter| own || author != Some(word.user.as_str()) && word.author_user != word.user;
        let mut people: BTreeMap<&str, UtcMillis> = BTreeMap::new();
        for word in counted(circle, number, now).into_iter().filter(waits) {
            if let Some(wait) = self.0.get(&word.device) {
                let since = people.entry(&word.user).or_insert(wait.since);
                *since = wait.since.min(*since);
            }
        }
        let mut since: Vec<UtcMillis> = people.into_values().collect();
        since.sort_unstable();
        since.get(needed(circle, number).checked_sub(1)?).copied()
    }
}

/// How long one is remembered that says nothing: as long as members have to let it follow again.
fn kept() -> Duration {
    if fault::planted("mutant.silence_is_waiting") { 10 * MENDING } else { MENDING }
}
