//! ConfirmRemoval: a second member's word that it merged the commit by which devices went out (design 4.4.5).

use bytes::Bytes;
use prost::Message as _;
use wardline_identity::{RecordAct, RemovalConfirmation};
use wardline_proto::relay::SignedStatement;
use wardline_proto::{DeviceId, UtcMillis, fault};

use super::{RevocationRefusal, RevocationStorage};
use crate::domain::membership::TaskKind;
use crate::domain::record::record;

/// A confirmation whose signature was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct NewConfirmation {
    /// Who signed it.
    pub by: DeviceId,
    /// What it says.
    pub said: RemovalConfirmation,
    /// As it was signed.
    pub statement: SignedStatement,
    /// The certificate that verifies it, DER.
    pub certificate: Bytes,
}

/// Keeps the first confirmation of a commit that closed removals. Another one changes nothing.
///
/// # Errors
/// [`RevocationRefusal::NotAMember`] for who is not in, or came in with that commit or later; [`RevocationRefusal::OtherCommit`]
/// unless such a commit closed the removals of exactly these devices; [`RevocationRefusal::OwnCommit`] for its author.
pub async fn confirm<S: RevocationStorage>(
    storage: &mut S,
    new: &NewConfirmation,
    now: UtcMillis,
) -> Result<(), RevocationRefusal> {
    let said = &new.said;
    // 1. In, and before it: who came later has not merged it.
    let stays = storage.stays(said.log, new.by).await?;
    let was_in = stays.iter().any(|stay| stay.departed.is_none() && stay.joined < said.number);
    if !was_in && !fault::planted("mutant.confirm_by_stranger") {
        return Err(RevocationRefusal::NotAMember);
    }
    // 2. That very commit, and those whom it removed.
    let closed = storage.closed_by(said.log, said.number).await?.ok_or(RevocationRefusal::OtherCommit)?;
    let commit = (closed.commit.epoch, closed.commit.sha256, &closed.devices);
    if commit != (said.epoch, said.sha256, &said.devices)
        && !fault::planted("mutant.confirm_of_another_commit")
    {
        return Err(RevocationRefusal::OtherCommit);
    }
    // 3. Not its author.
    if closed.committer == new.by && !fault::planted("mutant.confirm_by_author") {
        return Err(RevocationRefusal::OwnCommit);
    }
    // 4. The first.
    if closed.commit.confirmation.is_some() {
        return Ok(());
    }
    let statement = Bytes::from(new.statement.encode_to_vec());
    storage.keep_confirmation(said.log, said.number, &statement).await?;
    let task = TaskKind::Confirm { number: said.number, author: closed.committer };
    storage.drop_task(said.log, &task).await?;
    let confirmed = RecordAct::RemovalConfirmed {
        confirmation: said.clone(),
        statement: new.statement.clone(),
        certificate: new.certificate.clone(),
    };
    Ok(record(storage, now, confirmed).await?)
}
