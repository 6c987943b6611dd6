//! The visible part of a PrivateMessage (RFC 9420 §6.3), without copying it.

use super::{AEAD_TAG_LENGTH, MLS10, MlsError, reader::Reader};

/// What a PrivateMessage says it carries. A proposal that travels alone has no place at the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// An application message.
    Application,
    /// A commit.
    Commit,
}

/// The header of a PrivateMessage. Nothing in it is authenticated to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivateMessage<'a> {
    /// The MLS group id.
    pub group_id: &'a [u8],
    /// The epoch.
    pub epoch: u64,
    /// What it carries.
    pub content_type: ContentType,
    /// The authenticated data.
    pub authenticated_data: &'a [u8],
}

impl<'a> PrivateMessage<'a> {
    /// Parses exactly one MLSMessage that is a PrivateMessage.
    ///
    /// # Errors
    /// - [`MlsError::WrongKind`]: another wire format, or a lone proposal.
    /// - [`MlsError::Malformed`]: anything that is not exactly one MLSMessage.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MlsError> {
        let mut reader = Reader::new(bytes);
        if reader.u16()? != MLS10 {
            return Err(MlsError::Malformed);
        }
        match reader.u16()? {
            MLS_PRIVATE_MESSAGE => {}
            1 | 3..=5 => return Err(MlsError::WrongKind),
            _ => return Err(MlsError::Malformed),
        }
        let group_id = reader.vector()?;
        let epoch = reader.u64()?;
        let content_type = match reader.u8()? {
            1 => ContentType::Application,
            2 => return Err(MlsError::WrongKind),
            3 => ContentType::Commit,
            _ => return Err(MlsError::Malformed),
        };
        let authenticated_data = reader.vector()?;
        let sender_data = reader.vector()?;
        let ciphertext = reader.vector()?;
        reader.end()?;
        if sender_data.len() != SENDER_DATA_LENGTH || ciphertext.len() <= AEAD_TAG_LENGTH {
            return Err(MlsError::Malformed);
        }
        Ok(Self { group_id, epoch, content_type, authenticated_data })
    }
}

/// `WireFormat` mls_private_message.
const MLS_PRIVATE_MESSAGE: u16 = 2;

/// `SenderData` (leaf index, generation, reuse guard: 4 bytes each) and its tag.
const SENDER_DATA_LENGTH: usize = 12 + AEAD_TAG_LENGTH;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mls::craft;

    #[test]
    fn a_private_message_shows_its_header() {
        let bytes = craft::application(&[7; 16], 5, b"data");
        let parsed = PrivateMessage::parse(&bytes).unwrap();
        assert_eq!(parsed.group_id, [7; 16]);
        assert_eq!(parsed.epoch, 5);
        assert_eq!(parsed.content_type, ContentType::Application);
        assert_eq!(parsed.authenticated_data, b"data");
    }

    #[test]
    fn every_truncation_and_every_trailing_byte_is_refused() {
        let mut bytes = craft::commit(&[7; 16], 5, &[9; 100]);
        for length in 0..bytes.len() {
            assert_eq!(PrivateMessage::parse(&bytes[..length]), Err(MlsError::Malformed), "{length}");
        }
        bytes.push(0);
        assert_eq!(PrivateMessage::parse(&bytes), Err(MlsError::Malformed));
    }

    #[test]
    fn other_kinds_are_refused_by_kind() {
        let good = craft::application(&[7; 16], 5, b"");
        for wire_format in [1, 3, 4, 5] {
            let mut other = good.clone();
            other[3] = wire_format;
            assert_eq!(PrivateMessage::parse(&other), Err(MlsError::WrongKind), "{wire_format}");
        }
        let mut proposal = good.clone();
        proposal[4 + 1 + 16 + 8] = 2;
        assert_eq!(PrivateMessage::parse(&proposal), Err(MlsError::WrongKind));
        for (place, value) in [(1, 2), (3, 9), (4 + 1 + 16 + 8, 4)] {
            let mut odd = good.clone();
            odd[place] = value;
            assert_eq!(PrivateMessage::parse(&odd), Err(MlsError::Malformed), "{place}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = PrivateMessage::parse(&bytes);
        }

        #[test]
        fn random_bytes_behind_a_good_start_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            keep in 0_usize..60,
        ) {
            let mut message = craft::commit(&[1; 16], 0, b"data");
            message.truncate(keep);
            message.extend(bytes);
            let _ = PrivateMessage::parse(&message);
        }
    }
}
