//! An entry from its bytes.

use prost::{Message as _, bytes::Bytes};
use wardline_proto::relay::{self as pb, SignedStatement, record_entry::Act};
use wardline_proto::{
    ConversationId, DeviceId, Digest, EntryNumber, Epoch, IdError, InvitationId, UtcMillis,
};

use super::{ClosingCommit, RecordAct, RecordEntry, RemovalConfirmation};
use crate::{HoldStatement, RecordError, RevocationAct, Role, UserId};

impl RecordEntry {
    /// From the bytes that are stored.
    ///
    /// # Errors
    /// [`RecordError::Field`], naming it; [`RecordError::Act`] for an act that this build does not know.
    pub fn read(entry: &[u8]) -> Result<Self, RecordError> {
        let entry = pb::RecordEntry::decode(entry).map_err(|_| RecordError::Field { field: "entry" })?;
        let at = entry.at.as_ref().map(UtcMillis::from).ok_or(RecordError::Field { field: "time" })?;
        let act = match entry.act.ok_or(RecordError::Act)? {
            Act::IssuersListTaken(taken) => {
                RecordAct::IssuersListTaken { list: statement("list", taken.list)? }
            }
            Act::InvitationPublished(published) => invitation(&published)?,
            Act::InvitationWithdrawn(withdrawn) => RecordAct::InvitationWithdrawn {
                invitation: id("invitation", &withdrawn.invitation_id)?,
                by: optional("device", &withdrawn.by_device_id)?,
            },
            Act::DeviceCertified(certified) => device(&certified)?,
            Act::EnrolmentRefused(refused) => RecordAct::EnrolmentRefused {
                invitation: id("invitation", &refused.invitation_id)?,
                device: id("device", &refused.device_id)?,
                by: optional("device", &refused.by_device_id)?,
            },
            Act::ListInForce(list) => in_force(list)?,
            Act::DevicesHeld(held) => self::held(held)?,
            Act::RelayCertified(certified) => RecordAct::RelayCertified {
                certificates: [
                    id("certificate", &certified.certificate_ed25519_sha256)?,
                    id("certificate", &certified.certificate_p256_sha256)?,
                ],
                issuer: id("issuer", &certified.issuer)?,
                by: id("device", &certified.by_device_id)?,
            },
            Act::VaultTried(tried) => RecordAct::VaultTried {
                device: id("device", &tried.device_id)?,
                tries: tried.tries,
                closed: tried.closed,
            },
            Act::RemovalClosed(closed) => removal(closed)?,
            Act::RemovalConfirmed(confirmed) => {
                let statement = statement("confirmation", confirmed.confirmation)?;
                let confirmation = RemovalConfirmation::read(&statement.body)?;
                RecordAct::RemovalConfirmed { confirmation, statement, certificate: confirmed.certificate }
            }
            Act::LogClosed(closed) => RecordAct::LogClosed {
                conversation: id("conversation", &closed.conversation_id)?,
                number: EntryNumber::new(closed.number),
                reports: closed.reports,
            },
            Act::SuccessorNamed(named) => RecordAct::SuccessorNamed {
                conversation: id("conversation", &named.conversation_id)?,
                successor: id("successor", &named.successor_id)?,
                by: id("device", &named.by_device_id)?,
            },
        };
        Ok(Self { at, act })
    }
}

fn invitation(published: &pb::InvitationPublished) -> Result<RecordAct, RecordError> {
    Ok(RecordAct::InvitationPublished {
        invitation: id::<InvitationId>("invitation", &published.invitation_id)?,
        record: id("record", &published.record_sha256)?,
        user: user(&published.user_id)?,
        role: role(published.role)?,
        issuer: id("issuer", &published.issuer)?,
        by: id("device", &published.by_device_id)?,
        replaces: optional("replaced device", &published.replaces_device_id)?,
    })
}

fn device(certified: &pb::DeviceCertified) -> Result<RecordAct, RecordError> {
    Ok(RecordAct::DeviceCertified {
        device: id("device", &certified.device_id)?,
        user: user(&certified.user_id)?,
        role: role(certified.role)?,
        certificate: id("certificate", &certified.certificate_sha256)?,
        issuer: id("issuer", &certified.issuer)?,
        by: optional("device", &certified.by_device_id)?,
    })
}

fn in_force(list: pb::ListInForce) -> Result<RecordAct, RecordError> {
    let acts: Result<Vec<_>, _> = list.acts.iter().map(RevocationAct::read).collect();
    Ok(RecordAct::ListInForce {
        acts: acts.map_err(|_| RecordError::Field { field: "acts" })?,
        list: statement("list", list.list)?,
        answer: statement("answer", list.answer)?,
        relay_certificate: list.relay_certificate,
    })
}

fn held(held: pb::DevicesHeld) -> Result<RecordAct, RecordError> {
    let said = statement("statement", held.statement)?;
    Ok(RecordAct::DevicesHeld {
        devices: HoldStatement::read(&said).map_err(|_| RecordError::Field { field: "statement" })?.devices,
        statement: said,
        certificate: held.signer_certificate,
        answer: statement("answer", held.answer)?,
        relay_certificate: held.relay_certificate,
    })
}

fn removal(closed: pb::RemovalClosed) -> Result<RecordAct, RecordError> {
    let commit = closed.commit.map(|commit| {
        Ok(ClosingCommit {
            log: id::<ConversationId>("log", &commit.log_id)?,
            number: EntryNumber::new(commit.number),
            epoch: Epoch::new(commit.epoch),
            sha256: id::<Digest>("commit", &commit.commit_sha256)?,
            author: statement("author", commit.author)?,
            author_certificate: commit.author_certificate,
        })
    });
    Ok(RecordAct::RemovalClosed {
        device: id("device", &closed.device_id)?,
        conversation: id("conversation", &closed.conversation_id)?,
        list_number: closed.list_number,
        commit: commit.transpose()?,
    })
}

fn id<T>(field: &'static str, bytes: &Bytes) -> Result<T, RecordError>
where
    for<'a> T: TryFrom<&'a Bytes, Error = IdError>,
{
    T::try_from(bytes).map_err(|_| RecordError::Field { field })
}

fn optional(field: &'static str, bytes: &Bytes) -> Result<Option<DeviceId>, RecordError> {
    if bytes.is_empty() { Ok(None) } else { id(field, bytes).map(Some) }
}

fn statement(
    field: &'static str,
    statement: Option<SignedStatement>,
) -> Result<SignedStatement, RecordError> {
    statement.ok_or(RecordError::Field { field })
}

fn user(text: &str) -> Result<UserId, RecordError> {
    UserId::parse(text).map_err(|_| RecordError::Field { field: "user" })
}

fn role(number: i32) -> Result<Role, RecordError> {
    Role::try_from(number).map_err(|_| RecordError::Field { field: "role" })
}
