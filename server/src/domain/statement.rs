//! Statements of devices as they come in commits and requests: the right message, to the byte, each field of its
//! length. So nothing readable rides in what the relay keeps and hands on. Who signed is the members' to judge; where
//! the relay acts by a statement, its service checks the signature first.

use prost::Message;
use wardline_identity::{HoldStatement, PendingHold, UserId};
use wardline_proto::relay::{
    Confirmation, DeviceApproval, HoldGround, InvitationRecord, Leave, OutOfStep, SignedStatement,
};
use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber};

/// The longest body of a statement of these kinds, in bytes: a Leave of a user id of 64 bytes is the longest.
pub const BODY_BYTES_MAX: usize = 128;

/// The longest signed invitation inside a confirmation, in bytes: names of 64, 63 and 128 four-byte characters.
pub const RECORD_BYTES_MAX: usize = 1_024;

/// The longest certificate in a ground, in bytes.
const CERTIFICATE_BYTES_MAX: usize = 2_048;

/// An Ed25519 signature, in bytes.
const SIGNATURE_BYTES: usize = 64;

/// A Leave, as far as its form goes.
#[must_use]
pub fn leave(statement: &SignedStatement) -> Option<(ConversationId, UserId)> {
    let leave: Leave = body(statement)?;
    leave.left_at?;
    Some((ConversationId::try_from(&leave.conversation_id).ok()?, UserId::parse(&leave.user_id).ok()?))
}

/// A DeviceApproval, as far as its form goes: the device and the digest of its certificate.
#[must_use]
pub fn approval(statement: &SignedStatement) -> Option<(DeviceId, Digest)> {
    let approval: DeviceApproval = body(statement)?;
    approval.approved_at?;
    let certificate = Digest::try_from(&approval.certificate_sha256).ok()?;
    Some((DeviceId::try_from(&approval.device_id).ok()?, certificate))
}

/// A Confirmation, as far as its form goes: the device, the digest of its certificate, and the device it replaces.
#[must_use]
pub fn confirmation(statement: &SignedStatement) -> Option<(DeviceId, Digest, DeviceId)> {
    let confirmation: Confirmation = formed(statement, BODY_BYTES_MAX + RECORD_BYTES_MAX)?;
    confirmation.confirmed_at?;
    let invited = confirmation.invitation.as_ref().is_none_or(|record| {
        let record = formed(record, RECORD_BYTES_MAX);
        record.is_some_and(|record: InvitationRecord| {
            record.replaces_device_id == confirmation.replaces_device_id
        })
    });
    invited.then_some(())?;
    let certificate = Digest::try_from(&confirmation.certificate_sha256).ok()?;
    let replaces = DeviceId::try_from(&confirmation.replaces_device_id).ok()?;
    Some((DeviceId::try_from(&confirmation.device_id).ok()?, certificate, replaces))
}

/// An OutOfStep, as far as its form goes: the conversation, the commit's number and its digest.
#[must_use]
pub fn out_of_step(statement: &SignedStatement) -> Option<(ConversationId, EntryNumber, Digest)> {
    let said: OutOfStep = body(statement)?;
    said.said_at?;
    let conversation = ConversationId::try_from(&said.conversation_id).ok()?;
    let commit = Digest::try_from(&said.commit_sha256).ok()?;
    (said.number > 0).then_some((conversation, EntryNumber::new(said.number), commit))
}

/// A hold, as far as its form goes, with the certificate that its signer names: its digest.
#[must_use]
pub fn hold(ground: &HoldGround) -> Option<Digest> {
    let statement = ground.statement.as_ref()?;
    let formed = statement.signature.len() == SIGNATURE_BYTES
        && ground.signer_certificate.len() <= CERTIFICATE_BYTES_MAX
        && statement.signer == Digest::of(&ground.signer_certificate).to_wire();
    (formed && HoldStatement::read(statement).is_ok()).then(|| PendingHold::digest_of(statement))
}

/// The body, which is exactly what its fields are encoded to, with a signer and a signature of their lengths.
fn body<M: Message + Default>(statement: &SignedStatement) -> Option<M> {
    formed(statement, BODY_BYTES_MAX)
}

fn formed<M: Message + Default>(statement: &SignedStatement, bytes_max: usize) -> Option<M> {
    let formed = statement.body.len() <= bytes_max
        && statement.signer.len() == Digest::LENGTH
        && statement.signature.len() == SIGNATURE_BYTES;
    let message = formed.then(|| M::decode(statement.body.clone()).ok())??;
    (message.encode_to_vec() == statement.body).then_some(message)
}

#[cfg(test)]
mod tests {
    use wardline_proto::UtcMillis;

    use super::*;

    fn signed(message: &impl Message) -> SignedStatement {
        SignedStatement {
            body: message.encode_to_vec().into(),
            signer: vec![1; 32].into(),
            signature: vec![2; 64].into(),
        }
    }

    fn honest() -> Leave {
        Leave {
            conversation_id: vec![3; 16].into(),
            user_id: "a".repeat(64),
            left_at: Some(UtcMillis::new(1_800_000_000_123).into()),
            seen_number: u64::MAX,
        }
    }

    #[test]
    fn the_longest_of_each_kind_fits() {
        let now = Some(UtcMillis::new(4_000_000_000_123).into());
        let (id, digest) = (bytes::Bytes::from_static(&[1; 16]), bytes::Bytes::from_static(&[2; 32]));
        assert!(leave(&signed(&honest())).is_some());
        let said =
            DeviceApproval { device_id: id.clone(), certificate_sha256: digest.clone(), approved_at: now };
        assert!(approval(&signed(&said)).is_some());
        let said = Confirmation {
            device_id: id.clone(),
            certificate_sha256: digest.clone(),
            replaces_device_id: id.clone(),
            confirmed_at: now,
            invitation: None,
        };
        assert!(confirmation(&signed(&said)).is_some());
        let said = OutOfStep { conversation_id: id, number: u64::MAX, commit_sha256: digest, said_at: now };
        assert!(out_of_step(&signed(&said)).is_some());
    }

    #[test]
    fn nothing_readable_rides_in_a_statement() {
        let good = signed(&honest());
        assert!(leave(&good).is_some(), "the control");
        let text = b"the patient in bed 4".as_slice();
        // A field that no decoder of ours knows: tag 15, a string.
        let beside = [&good.body[..], &[0x7a, 20], text].concat();
        let short = signed(&Leave { conversation_id: text.to_vec().into(), ..honest() });
        let user = signed(&Leave { user_id: "The Patient".to_owned(), ..honest() });
        let undated = signed(&Leave { left_at: None, ..honest() });
        let changed = [
            SignedStatement { body: beside.into(), ..good.clone() },
            SignedStatement { body: text.to_vec().into(), ..good.clone() },
            SignedStatement { signer: text.to_vec().into(), ..good.clone() },
            SignedStatement { signature: text.to_vec().into(), ..good.clone() },
            SignedStatement { body: vec![0; 129].into(), ..good },
            short,
            user,
            undated,
        ];
        for (place, statement) in changed.iter().enumerate() {
            assert_eq!(leave(statement), None, "{place}");
        }
        let other = signed(&DeviceApproval { device_id: vec![1; 16].into(), ..DeviceApproval::default() });
        assert_eq!(leave(&other), None, "another kind");
    }
}
