//! The names of organisations, users and devices: parsed once at the edge, trusted after.
//!
//! Ids are plain ASCII, so that two of them never look alike. Names people see may use any script, but no
//! control characters and none that reorder or hide text: a name must not pass for another on a screen.

use std::fmt;
use std::str::FromStr;

use crate::NameError;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $fits:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks the rule.
            ///
            /// # Errors
            /// [`NameError`] with the rule.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let fits: fn(&str) -> bool = $fits;
                if fits(text) { Ok(Self(text.into())) } else { Err(NameError { what: $what, rule: $rule }) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &*self.0)
            }
        }
    };
}

name! {
    /// An organisation: 1–63 bytes of `[a-z0-9-]`.
    OrganisationId, "organisation id", "has 1 to 63 characters of a-z, 0-9 and \"-\"",
    |text| (1..=63).contains(&text.len()) && text.bytes().all(|byte| lower_alphanumeric(byte) || byte == b'-')
}
name! {
    /// A user: 1–64 bytes of `[a-z0-9._-]`, the first of `[a-z0-9]`.
    UserId, "user id", "has 1 to 64 characters of a-z, 0-9, \".\", \"_\" and \"-\", the first a letter or digit",
    |text| (1..=64).contains(&text.len())
        && text.bytes().next().is_some_and(lower_alphanumeric)
        && text.bytes().all(|byte| lower_alphanumeric(byte) || b"._-".contains(&byte))
}
name! {
    /// The name people see, of a person, service or organisation: 1–128 characters.
    DisplayName, "name", "has 1 to 128 visible characters and no space at either end", |text| visible(text, 128)
}
name! {
    /// What its owner calls a device: 1–64 characters.
    DeviceName, "device name", "has 1 to 64 visible characters and no space at either end",
    |text| visible(text, 64)
}

impl OrganisationId {
    /// The id that goes with a name: "St. Example" becomes `st-example`. Letters outside ASCII count as gaps.
    ///
    /// # Errors
    /// [`NameError`] if nothing is left; the founder then chooses an id.
    pub fn from_name(name: &str) -> Result<Self, NameError> {
        let mut id = String::new();
        for character in name.chars() {
            if character.is_ascii_alphanumeric() {
                id.push(character.to_ascii_lowercase());
            } else if !id.is_empty() && !id.ends_with('-') {
                id.push('-');
            }
        }
        id.truncate(63);
        Self::parse(id.trim_end_matches('-'))
    }
}

const fn lower_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn visible(text: &str, characters_max: usize) -> bool {
    let count = text.chars().count();
    (1..=characters_max).contains(&count) && text.trim() == text && !text.chars().any(deceives)
}

/// Control characters, and those that reorder, split or hide text: with them "dr. a" could be shown as
/// another name. Joiners (U+200C, U+200D) stay legal: some scripts need them.
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
            | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisations_id_follows_from_its_name() {
        let id = |name: &str| OrganisationId::from_name(name).map(|id| id.as_str().to_owned());
        assert_eq!(id("St. Example").as_deref(), Ok("st-example"));
        assert_eq!(id("  Klinik  am See (Süd) ").as_deref(), Ok("klinik-am-see-s-d"));
        assert_eq!(id(&"x".repeat(80)).unwrap().len(), 63);
        assert_eq!(id(&format!("{} y", "x".repeat(62))).unwrap(), "x".repeat(62));
        assert!(id("病院").is_err());
    }

    #[test]
    fn ids_are_plain_ascii_within_their_length() {
        assert!(OrganisationId::parse(&"a".repeat(63)).is_ok());
        for bad in ["", "St", "st example", "st_x", "sté", &"a".repeat(64)] {
            assert!(OrganisationId::parse(bad).is_err(), "{bad}");
        }
        assert!(UserId::parse("dr.a_b-1").is_ok() && UserId::parse(&"a".repeat(64)).is_ok());
        for bad in ["", ".a", "-a", "_a", "A", "a/b", "a b", "ä", &"a".repeat(65)] {
            assert!(UserId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_take_any_script_and_no_trickery() {
        for good in ["Dr. Ada Müller", "病棟 3", "علي", &"ü".repeat(128)] {
            assert!(DisplayName::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", " a", "a ", "a\nb", "a\u{202E}b", "a\u{200B}b", "\u{FEFF}a", "a\u{0}", &"ü".repeat(129)]
        {
            assert!(DisplayName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(DeviceName::parse(&"p".repeat(64)).is_ok());
        assert!(DeviceName::parse(&"p".repeat(65)).is_err());
    }
}
