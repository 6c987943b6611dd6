//! The visible part of a Welcome (RFC 9420 §12.4.3.1): its suite and the KeyPackages it is for.

use super::{MLS10, MlsError, reader::Reader};

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
    /// - [`MlsError::WrongKind`]: another wire format.
    /// - [`MlsError::Malformed`]: anything that is not exactly one MLSMessage.
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
        let mut secrets = Reader::new(reader.vector()?);
        let mut references = Vec::new();
        while !secrets.is_empty() {
            references.push(secrets.vector()?);
            let _kem_output = secrets.vector()?;
            let _ciphertext = secrets.vector()?;
        }
        let encrypted_group_info = reader.vector()?;
        reader.end()?;
        if encrypted_group_info.is_empty() {
            return Err(MlsError::Malformed);
        }
        Ok(Self { cipher_suite, references })
    }
}

/// `WireFormat` mls_welcome.
const MLS_WELCOME: u16 = 3;

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
