//! Members' words that they cannot follow a commit, and how many people's close a log: counted as the relay counts them.
//!
//! Whoever cannot follow one commit follows none after it, so where those about the commit itself are too few, earlier ones
//! count with them; but then not those of the people who wrote these commits, the last one's author first: one false word beside
//! a true one would have somebody named whose commit was good.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber, fault, relay::OutOfStep};

use super::receive::decode;
use crate::vault::tables::{commits::CommitRow, stays::Stay};

/// A member's word, under its own key.
#[derive(Debug)]
pub(super) struct Word {
    number: EntryNumber,
    digest: Digest,
    device: DeviceId,
    user: String,
}

/// What this device knows of a log, to hold words against.
pub(super) struct Known {
    /// Where the log is to be closed.
    pub number: EntryNumber,
    /// The commits up to there, as far as they are known.
    commits: BTreeMap<EntryNumber, (Digest, Option<DeviceId>)>,
    /// Since when devices are in.
    stays: HashMap<DeviceId, Stay>,
}

/// Whose words close a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counted {
    /// How many people.
    pub people: usize,
    /// The first commit that one of the devices cannot follow.
    pub first: EntryNumber,
    /// Whether one device wrote all the commits that they are about, as far as is known.
    pub one_author: bool,
}

impl Word {
    /// What a statement says, once its signature was checked.
    pub(super) fn read(
        body: &[u8],
        conversation: &ConversationId,
        (device, user): (DeviceId, &str),
    ) -> Option<Self> {
        let report: OutOfStep = decode(body)?;
        let word = Self {
            number: EntryNumber::new(report.number),
            digest: Digest::try_from(&report.commit_sha256).ok()?,
            device,
            user: user.to_owned(),
        };
        (report.conversation_id.as_ref() == conversation.as_bytes().as_slice()).then_some(word)
    }
}

impl Known {
    pub(super) fn new(
        number: EntryNumber,
        commits: impl IntoIterator<Item = CommitRow>,
        stays: HashMap<DeviceId, Stay>,
    ) -> Self {
        let commits = commits.into_iter().map(|row| (row.number, (row.digest, row.author))).collect();
        Self { number, commits, stays }
    }

    /// Whose words, of these, close the log; `users` are those of the devices that were in.
    pub(super) fn count(&self, words: &[Word], users: &HashMap<DeviceId, String>) -> Counted {
        // Who does not know a commit takes its digest from those who say the same.
        let digests: Vec<Digest> = match self.commits.get(&self.number) {
            Some((digest, _)) => vec![*digest],
            None => words.iter().filter(|word| word.number == self.number).map(|word| word.digest).collect(),
        };
        let counts = digests.iter().map(|digest| self.count_with(words, users, digest));
        let none = Counted { people: 0, first: self.number, one_author: true };
        counts.max_by_key(|counted| counted.people).unwrap_or(none)
    }

    fn count_with(&self, words: &[Word], users: &HashMap<DeviceId, String>, digest: &Digest) -> Counted {
        let fits = |word: &&Word| {
            let known = match word.number {
                number if number == self.number => Some(digest),
                number if number > self.number => return false,
                number => self.commits.get(&number).map(|(digest, _)| digest),
            };
            known.is_none_or(|known| *known == word.digest) && !self.is_mended(word)
        };
        let all: Vec<&Word> = words.iter().filter(fits).collect();
        let own: BTreeSet<&str> = all.iter().filter(|word| word.number == self.number).map(user).collect();
        let first = all.iter().map(|word| word.number).min().unwrap_or(self.number);
        let (others, authors) = self.of_several(&all, users);
        if own.is_empty() || others.len() <= own.len() || fault::planted("mutant.split_counts_apart") {
            return Counted { people: own.len(), first, one_author: true };
        }
        Counted { people: others.len(), first, one_author: authors.len() == 1 }
    }

    /// Who counts where words are about several commits, and who wrote those: the last commit's author first.
    fn of_several<'a>(
        &self,
        all: &[&'a Word],
        users: &HashMap<DeviceId, String>,
    ) -> (BTreeSet<&'a str>, BTreeSet<Option<DeviceId>>) {
        let author = |number: &EntryNumber| self.commits.get(number).and_then(|(_, author)| *author);
        let numbers: BTreeSet<EntryNumber> = all.iter().map(|word| word.number).collect();
        let (mut others, mut authors, mut wrote) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for number in numbers.iter().rev() {
            let by = author(number);
            let name = by.and_then(|device| users.get(&device));
            let words = all.iter().filter(|word| word.number == *number);
            let by_others =
                words.filter(|word| Some(&word.user) != name && !wrote.contains(word.user.as_str()));
            let by_others: BTreeSet<&str> = by_others.map(user).collect();
            if !by_others.is_empty() {
                wrote.extend(name.map(String::as_str));
                authors.insert(by);
                others.extend(by_others);
            }
        }
        others.retain(|user| !wrote.contains(user));
        (others, authors)
    }

    /// Whether a device was added anew since what it said: that is of a break that was mended.
    fn is_mended(&self, word: &Word) -> bool {
        let joined = self.stays.get(&word.device).map(|stay| stay.joined);
        joined.is_some_and(|joined| joined > word.number) && !fault::planted("mutant.old_reports")
    }
}

fn user<'a>(word: &&'a Word) -> &'a str {
    word.user.as_str()
}

#[cfg(test)]
mod tests {
    use wardline_proto::UtcMillis;

    use super::*;

    const CONVERSATION: ConversationId = ConversationId::from_bytes([7; 16]);

    const fn device(number: u8) -> DeviceId {
        DeviceId::from_bytes([number; 16])
    }

    /// Commits by number and author.
    fn known(number: u64, commits: &[(u64, u8)]) -> Known {
        let row = |(number, author): &(u64, u8)| CommitRow {
            conversation: CONVERSATION,
            number: EntryNumber::new(*number),
            digest: Digest::of(&number.to_be_bytes()),
            merged: None,
            author: Some(device(*author)),
            stamp: UtcMillis::new(0),
            before: None,
        };
        Known::new(EntryNumber::new(number), commits.iter().map(row), HashMap::new())
    }

    /// How many people's words count: of these devices about these commits, each its own person's.
    fn count(known: &Known, said: &[(u8, u64)]) -> (usize, u64, bool) {
        let word = |(who, number): &(u8, u64)| Word {
            number: EntryNumber::new(*number),
            digest: Digest::of(&number.to_be_bytes()),
            device: device(*who),
            user: format!("user-{who}"),
        };
        let words: Vec<Word> = said.iter().map(word).collect();
        let users = (1..9).map(|who| (device(who), format!("user-{who}"))).collect();
        let counted = known.count(&words, &users);
        (counted.people, counted.first.get(), counted.one_author)
    }

    #[test]
    fn words_about_earlier_commits_count_with_those_about_the_last() {
        let known = known(6, &[(5, 1), (6, 1)]);
        assert_eq!(count(&known, &[(3, 6)]), (1, 6, true));
        assert_eq!(count(&known, &[(2, 5), (3, 6)]), (2, 5, true));
        assert_eq!(count(&known, &[(2, 5)]), (0, 5, true), "nobody says so of the last");
        assert_eq!(count(&known, &[(2, 7), (3, 6)]), (1, 6, true), "nor of a later one");
    }

    #[test]
    fn whoever_wrote_one_of_them_says_nothing_and_takes_nobodys_word_away() {
        // 1 wrote the last two, 3 the good one before.
        let known = known(6, &[(4, 3), (5, 1), (6, 1)]);
        assert_eq!(count(&known, &[(2, 5), (1, 6)]), (1, 5, true), "her own word beside a true one");
        assert_eq!(count(&known, &[(1, 4), (2, 5), (3, 6)]), (2, 4, true), "and one of hers about another's");
        // 3 wrote the last: it is not known whose commit broke the log.
        let known = super::tests::known(6, &[(5, 1), (6, 3)]);
        assert_eq!(count(&known, &[(2, 5), (4, 6)]), (2, 5, false));
        assert_eq!(count(&known, &[(2, 5), (1, 6)]), (1, 5, true), "a false word beside a true one");
    }
}
