//! The one thing that is trusted from the start.

use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq as _;
use wardline_proto::Digest;

use crate::FingerprintError;

/// SHA-256 of the root's DER certificate. Devices pin it; people may compare it aloud.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootFingerprint([u8; 32]);

impl RootFingerprint {
    /// Of a root's certificate.
    #[must_use]
    pub fn of(root_der: &[u8]) -> Self {
        Self(*Digest::of(root_der).as_bytes())
    }

    /// From exactly these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits in either case; spaces, colons and dashes between them are skipped.
    ///
    /// # Errors
    /// [`FingerprintError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, FingerprintError> {
        let digits: String = text.chars().filter(|character| !matches!(character, ' ' | ':' | '-')).collect();
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes());
        bytes.ok().and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(FingerprintError)
    }

    /// Whether this is the fingerprint of `root_der`.
    #[must_use]
    pub fn matches(&self, root_der: &[u8]) -> bool {
        self.0.ct_eq(&Self::of(root_der).0).into()
    }
}

impl FromStr for RootFingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        Self::parse(text)
    }
}

impl fmt::Display for RootFingerprint {
    /// Sixteen groups of four lowercase hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pair) in self.0.chunks(2).enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{:02x}{:02x}", pair[0], pair[1])?;
        }
        Ok(())
    }
}

impl fmt::Debug for RootFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootFingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_reads_back_in_every_usual_spelling() {
        let fingerprint = RootFingerprint::of(b"root");
        let shown = fingerprint.to_string();
        assert_eq!(shown.len(), 79);
        let spellings =
            [shown.clone(), shown.to_uppercase(), shown.replace(' ', ":"), shown.replace(' ', "")];
        for text in spellings {
            assert_eq!(RootFingerprint::parse(&text), Ok(fingerprint));
        }
    }

    #[test]
    fn too_few_too_many_and_foreign_digits_are_refused() {
        let digits = "0".repeat(64);
        assert!(RootFingerprint::parse(&digits).is_ok());
        for text in [&digits[1..], &format!("{digits}00"), &digits.replacen('0', "g", 1), ""] {
            assert_eq!(RootFingerprint::parse(text), Err(FingerprintError));
        }
    }
}
