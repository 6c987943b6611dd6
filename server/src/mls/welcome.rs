//! The visible part of a Welcome (RFC 9420 §12.4.3.1): its suite and the KeyPackages it is for.

use wardline_proto::Suite;

use super::{AEAD_TAG_LENGTH, MLS10, MlsError, kem_output_length, reader::Reader};

/// A Welcome as the relay sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome<'a> {
    /// The MLS cipher suite's code point.
    pub cipher_suite: u16,
    /// The KeyPackageRefs it is for, in its order. Not checked for repetition.
    pub references: Vec<&'a [u8]>,
}

impl<'a> Welcome<'a> {
    /// Parses exactly one MLSMessage that is a Welcome.
    ///
    /// # Errors
    /// - [`MlsError::WrongKind`]: another wire format, or a cipher suite that is not Wardline's.
    /// - [`MlsError::Malformed`]: anything that is not exactly one MLSMessage, or has fields that no Welcome of
    ///   its suite has.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MlsError> {
        let mut reader = Reader::new(bytes);
        if reader.u16()? != MLS10 {
            return Err(MlsError::Malformed);
        }
        match reader.u16()? {
            MLS_WELCOME => {}
            1 | 2 | 4 | 5 => return Err(MlsError::WrongKind),
            _ => return Err(MlsError::Malformed),
        }
        let cipher_suite = reader.u16()?;
        let suite = Suite::from_code(cipher_suite.into()).ok_or(MlsError::WrongKind)?;
        let mut secrets = Reader::new(reader.vector()?);
        let mut references = Vec::new();
        while !secrets.is_empty() {
            if references.len() == REFERENCES_MAX {
                return Err(MlsError::Malformed);
            }
            references.push(secret(&mut secrets, suite)?);
        }
        let encrypted_group_info = reader.vector()?;
        reader.end()?;
        if references.is_empty() || encrypted_group_info.len() <= AEAD_TAG_LENGTH {
            return Err(MlsError::Malformed);
        }
        Ok(Self { cipher_suite, references })
    }
}

/// One `EncryptedGroupSecrets`; gives its reference. Every length is the suite's, so that nothing rides along.
fn secret<'a>(secrets: &mut Reader<'a>, suite: Suite) -> Result<&'a [u8], MlsError> {
    let reference = secrets.vector()?;
    let kem_output = secrets.vector()?;
    let ciphertext = secrets.vector()?;
    let fits = reference.len() == REFERENCE_LENGTH
        && kem_output.len() == kem_output_length(suite)
        && ciphertext.len() > AEAD_TAG_LENGTH;
    if fits { Ok(reference) } else { Err(MlsError::Malformed) }
}

/// `WireFormat` mls_welcome.
const MLS_WELCOME: u16 = 3;

/// A `KeyPackageRef` is a SHA-256, in both suites.
const REFERENCE_LENGTH: usize = 32;

/// As many as a conversation has devices.
const REFERENCES_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mls::craft;

    #[test]
    fn a_welcome_names_its_packages() {
        let bytes = craft::welcome(0x004F, &[[1; 32], [2; 32]]);
        let parsed = Welcome::parse(&bytes).unwrap();
        assert_eq!(parsed.cipher_suite, 0x004F);
        assert_eq!(parsed.references, [[1; 32].as_slice(), [2; 32].as_slice()]);
    }

    #[test]
    fn every_truncation_and_every_trailing_byte_is_refused() {
        let mut bytes = craft::welcome(1, &[[1; 32], [2; 32]]);
        for length in 0..bytes.len() {
            assert_eq!(Welcome::parse(&bytes[..length]), Err(MlsError::Malformed), "{length}");
        }
        bytes.push(0);
        assert_eq!(Welcome::parse(&bytes), Err(MlsError::Malformed));
        assert_eq!(Welcome::parse(&craft::application(&[7; 16], 1, b"")), Err(MlsError::WrongKind));
    }

    #[test]
    fn a_welcome_with_lengths_that_are_not_its_suites_is_refused() {
        for (suite, kem_output) in [(0x004F, 1_120), (0x0001, 32)] {
            let made = |lengths| craft::welcome_of(suite, &[[1; 32]], lengths);
            let (tag, info) = (16, 200);
            assert!(Welcome::parse(&made([32, kem_output, tag + 1, tag + 1])).is_ok(), "the control");
            let wrong = [
                [31, kem_output, 80, info],
                [33, kem_output, 80, info],
                [0, kem_output, 80, info],
                [32, kem_output - 1, 80, info],
                [32, kem_output + 1, 80, info],
                [32, 0, 80, info],
                [32, kem_output, tag, info],
                [32, kem_output, 0, info],
                [32, kem_output, 80, tag],
                [32, kem_output, 80, 0],
            ];
            for lengths in wrong {
                assert_eq!(
                    Welcome::parse(&made(lengths)),
                    Err(MlsError::Malformed),
                    "{suite:#x} {lengths:?}"
                );
            }
        }
        assert_eq!(Welcome::parse(&craft::welcome(2, &[[1; 32]])), Err(MlsError::WrongKind));
    }

    #[test]
    fn a_welcome_is_for_one_to_500_packages() {
        let references: Vec<[u8; 32]> = (0..=500_u16)
            .map(|n| [n.to_be_bytes(); 16].concat())
            .map(|bytes| bytes.try_into().unwrap())
            .collect();
        assert_eq!(Welcome::parse(&craft::welcome(1, &references[1..])).unwrap().references.len(), 500);
        assert_eq!(Welcome::parse(&craft::welcome(1, &references)), Err(MlsError::Malformed));
        assert_eq!(Welcome::parse(&craft::welcome(1, &[])), Err(MlsError::Malformed));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(Welcome::parse(&bytes));
            let mut behind = vec![0, 1, 0, 3, 0, 1];
            behind.extend(bytes);
            drop(Welcome::parse(&behind));
        }
    }
}
