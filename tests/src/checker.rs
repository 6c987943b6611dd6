//! The judge of P5: nothing lost, nothing twice, one order for all, nothing stuck. A pure function over what was
//! acknowledged and what the devices show, so that planted faults can be shown to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A message that a device took on: typed, and never taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its text; no two messages have the same.
    pub text: String,
    /// The number the relay acknowledged it under; `None` if the device only queued it.
    pub number: Option<u64>,
}

/// What one device shows at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The device.
    pub device: String,
    /// Entries in the order shown: number and text.
    pub entries: Vec<(u64, String)>,
    /// How many of its messages still wait.
    pub waiting: usize,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Messages that the relay acknowledged.
    pub acknowledged: usize,
    /// Acknowledged or queued messages that every device shows.
    pub delivered: usize,
    /// Acknowledged messages that a device does not show under their number: each (device, text).
    pub lost: Vec<(String, String)>,
    /// Texts that a device shows more than once.
    pub twice: Vec<(String, String)>,
    /// Queued messages that are not at every device, and rows that still wait.
    pub stuck: Vec<(String, String)>,
    /// Numbers at which two devices show different things, or a device shows out of order.
    pub disorder: BTreeSet<u64>,
}

impl Report {
    /// Whether the promise held.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.lost.is_empty() && self.twice.is_empty() && self.stuck.is_empty() && self.disorder.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (acked, delivered) = (self.acknowledged, self.delivered);
        let (lost, twice, stuck) = (self.lost.len(), self.twice.len(), self.stuck.len());
        write!(f, "acked={acked} delivered={delivered} lost={lost} twice={twice} stuck={stuck}")
    }
}

/// Judges. Every device in `transcripts` was a member for the whole time.
#[must_use]
pub fn check(accepted: &[Accepted], transcripts: &[Transcript]) -> Report {
    let mut report = Report {
        acknowledged: accepted.iter().filter(|message| message.number.is_some()).count(),
        ..Report::default()
    };
    let mut shown_anywhere: BTreeMap<u64, &str> = BTreeMap::new();
    for transcript in transcripts {
        judge_order(transcript, &mut shown_anywhere, &mut report);
        for waiting in 0..transcript.waiting {
            report.stuck.push((transcript.device.clone(), format!("row {waiting} still waits")));
        }
    }
    let shown: Vec<BTreeMap<&str, u64>> = transcripts
        .iter()
        .map(|transcript| transcript.entries.iter().map(|(number, text)| (text.as_str(), *number)).collect())
        .collect();
    for message in accepted {
        let mut everywhere = !transcripts.is_empty();
        for (transcript, shown) in transcripts.iter().zip(&shown) {
            let at = shown.get(message.text.as_str()).copied();
            let missing = match message.number {
                Some(number) => at != Some(number),
                None => at.is_none(),
            };
            if missing {
                everywhere = false;
                let entry = (transcript.device.clone(), message.text.clone());
                if message.number.is_some() { report.lost.push(entry) } else { report.stuck.push(entry) }
            }
        }
        report.delivered += usize::from(everywhere);
    }
    report
}

/// Within a device numbers rise and texts are shown once; between devices a number means the same.
fn judge_order<'a>(transcript: &'a Transcript, shown: &mut BTreeMap<u64, &'a str>, report: &mut Report) {
    let mut texts = BTreeSet::new();
    let mut last = 0;
    for (number, text) in &transcript.entries {
        if *number <= last || shown.insert(*number, text).is_some_and(|other| other != text) {
            report.disorder.insert(*number);
        }
        last = *number;
        if !texts.insert(text) {
            report.twice.push((transcript.device.clone(), text.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acked(number: u64) -> Accepted {
        Accepted { text: format!("note {number}"), number: Some(number) }
    }

    fn transcript(device: &str, numbers: &[u64]) -> Transcript {
        let entries = numbers.iter().map(|number| (*number, format!("note {number}"))).collect();
        Transcript { device: device.to_owned(), entries, waiting: 0 }
    }

    fn sound() -> (Vec<Accepted>, Vec<Transcript>) {
        let queued = Accepted { text: "note 4".to_owned(), number: None };
        let accepted = vec![acked(2), acked(3), queued];
        (accepted, vec![transcript("phone", &[2, 3, 4]), transcript("tablet", &[2, 3, 4])])
    }

    #[test]
    fn a_sound_run_holds_and_counts_everything() {
        let (accepted, transcripts) = sound();
        let report = check(&accepted, &transcripts);
        assert!(report.holds(), "{report:?}");
        assert_eq!(report.to_string(), "acked=2 delivered=3 lost=0 twice=0 stuck=0");
    }

    #[test]
    fn acknowledging_before_the_commit_is_found() {
        let (mut accepted, transcripts) = sound();
        // The relay said "number 5" and died before the entry was on its disk: no device ever gets it.
        accepted.push(acked(5));
        let report = check(&accepted, &transcripts);
        assert!(!report.holds());
        assert_eq!(report.lost.len(), 2, "missing at both devices");
        assert_eq!(report.delivered, 3);
    }

    #[test]
    fn an_acknowledged_number_that_another_message_took_is_found() {
        let (mut accepted, mut transcripts) = sound();
        // As above, and the next message got the number: the first one comes again under another.
        accepted.push(acked(5));
        for transcript in &mut transcripts {
            transcript.entries.extend([(5, "note 6".to_owned()), (6, "note 5".to_owned())]);
        }
        assert_eq!(check(&accepted, &transcripts).lost.len(), 2);
    }

    #[test]
    fn a_cursor_moved_before_the_message_is_stored_is_found() {
        let (accepted, mut transcripts) = sound();
        // The tablet's cursor says 4, the message at 3 never reached its table.
        transcripts[1].entries.remove(1);
        let report = check(&accepted, &transcripts);
        assert_eq!(report.lost, [("tablet".to_owned(), "note 3".to_owned())]);
        assert!(!report.holds());
    }

    #[test]
    fn a_dropped_outbox_row_is_found() {
        let (accepted, mut transcripts) = sound();
        // The phone said "queued" for note 4; its row went and nothing was ever sent.
        transcripts.iter_mut().for_each(|transcript| transcript.entries.truncate(2));
        let report = check(&accepted, &transcripts);
        assert_eq!(report.stuck.len(), 2, "missing at both devices");
        assert!(report.lost.is_empty() && !report.holds());
    }

    #[test]
    fn a_row_that_still_waits_is_found() {
        let (accepted, mut transcripts) = sound();
        transcripts[0].waiting = 1;
        assert_eq!(check(&accepted, &transcripts).stuck.len(), 1);
    }

    #[test]
    fn a_message_shown_twice_is_found() {
        let (accepted, mut transcripts) = sound();
        transcripts[0].entries.push((5, "note 3".to_owned()));
        let report = check(&accepted, &transcripts);
        assert_eq!(report.twice, [("phone".to_owned(), "note 3".to_owned())]);
        assert!(!report.holds());
    }

    #[test]
    fn two_orders_are_found() {
        let (accepted, mut transcripts) = sound();
        transcripts[0].entries.swap(0, 1);
        let report = check(&accepted, &transcripts);
        assert!(!report.disorder.is_empty() && !report.holds());
        let (accepted, mut transcripts) = sound();
        transcripts[0].entries[2].1 = "something else".to_owned();
        assert!(check(&accepted, &transcripts).disorder.contains(&4));
    }

    #[test]
    fn no_device_at_all_delivers_nothing() {
        assert_eq!(check(&[acked(2)], &[]).delivered, 0);
    }
}
