//! The policy: what an organisation demands of its devices and its relay, as one numbered document.
//!
//! It is a part of the revocation list ([`RevocationList::policy`](crate::RevocationList::policy)), signed with it: relay and
//! client go by the policy of the list that they go by. Before the first there is [`Policy::UNSET`]. Rules are judged by the
//! functions here, alike on both sides; they read nothing but their arguments.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use wardline_proto::{LIFE_SECONDS_MAX, LIFE_SECONDS_MIN, relay as pb};

/// The longest text that any policy permits, in bytes.
pub const TEXT_BYTES_MAX: u32 = 65_536;

/// The shortest limit that a policy may set to texts, in bytes: an alarm must fit.
pub const TEXT_BYTES_MIN: u32 = 256;

/// How many bytes a message has at most beside its text: ids, chain hash, numbers, padding, framing and signature.
const BESIDE_TEXT_BYTES: usize = 4_096;

/// The most kinds of software that a policy names.
pub const MINIMUM_VERSIONS_MAX: usize = 16;

/// How long a vault that nobody uses may be open, in seconds.
const AUTO_LOCK: RangeInclusive<u32> = 60..=86_400;

/// How long a vault may be open without the relay, in seconds.
const MAX_OPEN: RangeInclusive<u32> = 300..=259_200;

/// To be lent where no list says more.
pub(crate) static UNSET: Policy = Policy::UNSET;

/// A policy with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Rises with each change; 0 before the first.
    pub number: u64,
    /// What it demands.
    pub rules: Rules,
}

/// What a policy demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The longest life of a message, in seconds: 300–31,536,000.
    pub life_seconds_max: u32,
    /// The life that a new conversation starts with, in seconds: 300 to the longest.
    pub life_seconds_default: u32,
    /// The longest text, in bytes: 256–65,536.
    pub text_bytes_max: u32,
    /// The oldest versions that take part, ascending by name, each once; at most 16.
    pub minimum_versions: Vec<Software>,
    /// After how long without a command of a person a client closes a vault that it keeps open, in seconds: 60–86,400.
    pub auto_lock_seconds: u32,
    /// After how long without the relay it does, in seconds: 300–259,200.
    pub max_open_seconds: u32,
}

/// A kind of client and its version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Software {
    name: String,
    version: [u16; 3],
}

/// Why a policy cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {demand}")]
pub struct PolicyError {
    /// The rule's name in the wire's document.
    pub rule: &'static str,
    /// What a value has to be.
    pub demand: &'static str,
}

/// Why something is not permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forbidden {
    /// A message is to live longer than this, in seconds.
    Life(u32),
    /// A text could be longer than this, in bytes.
    Text(u32),
    /// The client is older than this.
    Software(Software),
}

impl Policy {
    /// What holds before the first policy: messages live for a year at most, new conversations keep them for 30 days, and every
    /// version takes part. An open vault closes after 15 minutes without a command, and after 8 hours without the relay.
    pub const UNSET: Self = Self {
        number: 0,
        rules: Rules {
            life_seconds_max: LIFE_SECONDS_MAX,
            life_seconds_default: 30 * 86_400,
            text_bytes_max: TEXT_BYTES_MAX,
            minimum_versions: Vec::new(),
            auto_lock_seconds: 15 * 60,
            max_open_seconds: 8 * 3_600,
        },
    };

    /// From the wire.
    ///
    /// # Errors
    /// [`PolicyError`] names the first rule that is out of bounds.
    pub fn read(wire: &pb::Policy) -> Result<Self, PolicyError> {
        if wire.number == 0 {
            return Err(PolicyError { rule: "number", demand: "is 1 or more" });
        }
        let versions = wire.minimum_versions.iter().map(|one| Software::new(&one.software, &one.version));
        let rules = Rules {
            life_seconds_max: wire.life_seconds_max,
            life_seconds_default: wire.life_seconds_default,
            text_bytes_max: wire.text_bytes_max,
            minimum_versions: versions.collect::<Result<_, _>>()?,
            auto_lock_seconds: or_unset(wire.auto_lock_seconds, UNSET.rules.auto_lock_seconds),
            max_open_seconds: or_unset(wire.max_open_seconds, UNSET.rules.max_open_seconds),
        };
        rules.check()?;
        Ok(Self { number: wire.number, rules })
    }

    /// For the wire; `None` before the first.
    #[must_use]
    pub fn to_wire(&self) -> Option<pb::Policy> {
        let Rules { minimum_versions, .. } = &self.rules;
        let versions = minimum_versions
            .iter()
            .map(|one| pb::MinimumVersion { software: one.name.clone(), version: one.version() });
        (self.number > 0).then(|| pb::Policy {
            number: self.number,
            life_seconds_max: self.rules.life_seconds_max,
            life_seconds_default: self.rules.life_seconds_default,
            text_bytes_max: self.rules.text_bytes_max,
            minimum_versions: versions.collect(),
            auto_lock_seconds: self.rules.auto_lock_seconds,
            max_open_seconds: self.rules.max_open_seconds,
        })
    }

    /// Whether a message may have this life, in seconds.
    ///
    /// # Errors
    /// [`Forbidden::Life`].
    pub const fn permits_life(&self, seconds: u32) -> Result<(), Forbidden> {
        if seconds > self.rules.life_seconds_max {
            return Err(Forbidden::Life(self.rules.life_seconds_max));
        }
        Ok(())
    }

    /// Whether a message may have a text of so many bytes.
    ///
    /// # Errors
    /// [`Forbidden::Text`].
    pub const fn permits_text(&self, bytes: usize) -> Result<(), Forbidden> {
        if bytes as u64 > self.rules.text_bytes_max as u64 {
            return Err(Forbidden::Text(self.rules.text_bytes_max));
        }
        Ok(())
    }

    /// Whether a ciphertext of so many bytes is as short as one of a permitted text can be. Where texts may be as long as there
    /// are any, the relay's own bound on messages is all.
    ///
    /// # Errors
    /// [`Forbidden::Text`].
    pub const fn permits_ciphertext(&self, bytes: usize) -> Result<(), Forbidden> {
        if self.rules.text_bytes_max == TEXT_BYTES_MAX {
            return Ok(());
        }
        self.permits_text(bytes.saturating_sub(BESIDE_TEXT_BYTES))
    }

    /// Whether a client that says this of itself may take part. What no policy names may say anything, and be of any version.
    ///
    /// # Errors
    /// [`Forbidden::Software`] with the oldest version that may.
    pub fn permits_software(&self, says: &str) -> Result<(), Forbidden> {
        let (name, version) = says.split_once('/').unwrap_or((says, ""));
        let Some(minimum) = self.rules.minimum_versions.iter().find(|one| one.name == name) else {
            return Ok(());
        };
        match version_of(version) {
            Some(version) if version >= minimum.version => Ok(()),
            _ => Err(Forbidden::Software(minimum.clone())),
        }
    }
}

impl Rules {
    /// # Errors
    /// [`PolicyError`] names the first rule that is out of bounds.
    pub fn check(&self) -> Result<(), PolicyError> {
        let demand = |rule, fits: bool, demand| if fits { Ok(()) } else { Err(PolicyError { rule, demand }) };
        let lives = LIFE_SECONDS_MIN..=LIFE_SECONDS_MAX;
        demand("life_seconds_max", lives.contains(&self.life_seconds_max), "is 5 minutes to 365 days")?;
        let usual = (LIFE_SECONDS_MIN..=self.life_seconds_max).contains(&self.life_seconds_default);
        demand("life_seconds_default", usual, "is 5 minutes to the longest life")?;
        let text = (TEXT_BYTES_MIN..=TEXT_BYTES_MAX).contains(&self.text_bytes_max);
        demand("text_bytes_max", text, "is 256 to 65,536 bytes")?;
        let each_once = self.minimum_versions.is_sorted_by(|one, next| one.name < next.name);
        let named = each_once && self.minimum_versions.len() <= MINIMUM_VERSIONS_MAX;
        demand("minimum_versions", named, "names at most 16, each once, in the order of the alphabet")?;
        demand("auto_lock_seconds", AUTO_LOCK.contains(&self.auto_lock_seconds), "is 1 minute to 24 hours")?;
        demand("max_open_seconds", MAX_OPEN.contains(&self.max_open_seconds), "is 5 minutes to 3 days")
    }
}

impl Software {
    /// A name of 1–32 of `[a-z0-9-]`, and a version of three numbers, each at most 65,535.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn new(name: &str, version: &str) -> Result<Self, PolicyError> {
        let wrong = PolicyError {
            rule: "minimum_versions",
            demand: "are names such as wardline with versions such as 0.1.0",
        };
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=32).contains(&name.len()) || !name.bytes().all(letter) {
            return Err(wrong);
        }
        let version = version_of(version).ok_or(wrong)?;
        Ok(Self { name: name.to_owned(), version })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version, such as "0.1.0".
    #[must_use]
    pub fn version(&self) -> String {
        self.version.map(|number| number.to_string()).join(".")
    }
}

/// A rule that policies from before it do not have.
const fn or_unset(written: u32, unset: u32) -> u32 {
    if written == 0 { unset } else { written }
}

/// Three numbers, written in one way.
fn version_of(text: &str) -> Option<[u16; 3]> {
    let mut numbers = [0; 3];
    let mut parts = text.split('.');
    for number in &mut numbers {
        let part = parts.next()?;
        *number = u16::from_str(part).ok()?;
        if number.to_string() != part {
            return None;
        }
    }
    parts.next().is_none().then_some(numbers)
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.version())
    }
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Life(seconds) => write!(f, "messages live for {seconds} seconds at most"),
            Self::Text(bytes) => write!(f, "texts have {bytes} bytes at most"),
            Self::Software(minimum) => write!(f, "the oldest client that takes part is {minimum}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule, and what spoils it.
    type Bad = (&'static str, fn(&mut pb::Policy));

    fn policy(change: impl FnOnce(&mut Rules)) -> Policy {
        let mut policy = Policy { number: 1, ..Policy::UNSET };
        change(&mut policy.rules);
        policy
    }

    #[test]
    fn a_policy_is_read_as_it_was_written_and_the_unset_one_is_not_written() {
        let all = policy(|rules| {
            rules.life_seconds_max = 604_800;
            rules.life_seconds_default = 86_400;
            rules.text_bytes_max = 4_096;
            (rules.auto_lock_seconds, rules.max_open_seconds) = (60, 300);
            rules.minimum_versions =
                vec![Software::new("app", "1.20.3").unwrap(), Software::new("wardline", "0.1.0").unwrap()];
        });
        assert_eq!(Policy::read(&all.to_wire().unwrap()), Ok(all));
        assert_eq!(Policy::UNSET.to_wire(), None);
        assert_eq!(Policy::UNSET.rules.check(), Ok(()));
    }

    #[test]
    fn a_policy_from_before_a_rule_leaves_it_as_without_a_policy() {
        let mut wire = policy(|rules| rules.auto_lock_seconds = 60).to_wire().unwrap();
        (wire.auto_lock_seconds, wire.max_open_seconds) = (0, 0);
        assert_eq!(Policy::read(&wire), Ok(Policy { number: 1, ..Policy::UNSET }));
    }

    #[test]
    fn each_rule_has_bounds() {
        let change: [Bad; 14] = [
            ("number", |wire| wire.number = 0),
            ("life_seconds_max", |wire| wire.life_seconds_max = 299),
            ("life_seconds_max", |wire| wire.life_seconds_max = 31_536_001),
            ("life_seconds_default", |wire| wire.life_seconds_default = 299),
            ("life_seconds_default", |wire| wire.life_seconds_default = wire.life_seconds_max + 1),
            ("text_bytes_max", |wire| wire.text_bytes_max = 255),
            ("text_bytes_max", |wire| wire.text_bytes_max = 65_537),
            ("auto_lock_seconds", |wire| wire.auto_lock_seconds = 59),
            ("auto_lock_seconds", |wire| wire.auto_lock_seconds = 86_401),
            ("max_open_seconds", |wire| wire.max_open_seconds = 299),
            ("max_open_seconds", |wire| wire.max_open_seconds = 259_201),
            ("minimum_versions", |wire| wire.minimum_versions[1].software = "app".to_owned()),
            ("minimum_versions", |wire| wire.minimum_versions[0].version = "1.02.0".to_owned()),
            ("minimum_versions", |wire| wire.minimum_versions[0].software = "App".to_owned()),
        ];
        let versions = ["app", "wardline"].map(|name| Software::new(name, "1.0.0").unwrap());
        let honest = policy(|rules| rules.minimum_versions = versions.to_vec()).to_wire().unwrap();
        assert!(Policy::read(&honest).is_ok(), "the control");
        for (rule, change) in change {
            let mut wire = honest.clone();
            change(&mut wire);
            assert_eq!(Policy::read(&wire).unwrap_err().rule, rule);
        }
    }

    #[test]
    fn what_is_permitted_is_permitted_up_to_the_bound() {
        let policy = policy(|rules| (rules.life_seconds_max, rules.text_bytes_max) = (3_600, 1_000));
        assert_eq!(policy.permits_life(3_600), Ok(()));
        assert_eq!(policy.permits_life(3_601), Err(Forbidden::Life(3_600)));
        assert_eq!(policy.permits_text(1_000), Ok(()));
        assert_eq!(policy.permits_text(1_001), Err(Forbidden::Text(1_000)));
        assert_eq!(policy.permits_ciphertext(5_096), Ok(()));
        assert_eq!(policy.permits_ciphertext(5_097), Err(Forbidden::Text(1_000)));
        assert_eq!(Policy::UNSET.permits_ciphertext(131_072), Ok(()));
    }

    #[test]
    fn an_older_client_takes_no_part_and_numbers_are_compared_as_numbers() {
        let minimum = Software::new("wardline", "0.10.2").unwrap();
        let policy = policy(|rules| rules.minimum_versions = vec![minimum.clone()]);
        for says in
            ["wardline/0.10.2", "wardline/0.10.10", "wardline/1.0.0", "pager/0.0.1", "", "wardline-x/0.1.0"]
        {
            assert_eq!(policy.permits_software(says), Ok(()), "{says}");
        }
        for says in
            ["wardline/0.9.9", "wardline/0.10.1", "wardline", "wardline/", "wardline/1", "wardline/1.0.0-rc"]
        {
            let forbidden = Err(Forbidden::Software(minimum.clone()));
            assert_eq!(policy.permits_software(says), forbidden, "{says}");
        }
    }
}
