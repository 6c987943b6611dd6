//! Confirming a removal: this device has merged the very commit, and whom it names is out. What it does not know of itself it
//! does not say (design 4.4.5).

use std::collections::BTreeSet;

use wardline_identity::{RemovalConfirmation, StatementLabel, sign_statement};
use wardline_proto::{
    ConversationId, DeviceId, Digest, EntryNumber, fault,
    relay::{ConfirmRemoval, SignedStatement},
};

use super::{core::Core, former::Former, revoked::is_itself_out, statements::devices};
use crate::{
    error::CoreError,
    vault::tables::commits::{self, CommitRow},
};

/// What this device can say of a commit that removed devices, if it can.
pub(crate) async fn confirmation(
    core: &mut Core,
    log: &ConversationId,
    asked: &ConfirmRemoval,
) -> Result<Option<SignedStatement>, CoreError> {
    let (Some(named), Ok(sha256)) = (named(asked), Digest::try_from(&asked.commit_sha256)) else {
        return Ok(None);
    };
    let number = EntryNumber::new(asked.number);
    let mut tx = core.vault.begin("look_for_commit").await?;
    let row = commits::find(&mut tx, log, number).await?;
    tx.commit().await?;
    let Some(row) = row.filter(|_| !is_itself_out(core)) else { return Ok(None) };
    // 1. It has merged that commit, which is another's, and they were in before it.
    let Some((epoch, merged_at)) = row.merged else { return Ok(None) };
    let is_that = row.digest == sha256 && epoch.get() == asked.epoch;
    if !is_that && !fault::planted("mutant.confirm_another_commit")
        || row.author == Some(core.device.id()) && !fault::planted("mutant.confirm_own")
        || !were_in(&row, &named)
    {
        return Ok(None);
    }
    // 2. They are out.
    let inside = devices(core, log).await?;
    let some_inside = inside.is_empty() || inside.iter().any(|device| named.contains(device));
    if some_inside && !fault::planted("mutant.confirm_with_it_inside") {
        return Ok(None);
    }
    let said = RemovalConfirmation { log: *log, number, epoch, sha256, devices: named, merged_at };
    let signer = Some(core.device.certificate.der());
    let label = StatementLabel::RemovalConfirmation;
    Ok(Some(sign_statement(&core.device.key, label, &said.to_wire(), signer)))
}

/// The devices that are asked about, each once.
fn named(asked: &ConfirmRemoval) -> Option<Vec<DeviceId>> {
    let devices: Result<BTreeSet<DeviceId>, _> = asked.device_ids.iter().map(DeviceId::try_from).collect();
    devices.ok().filter(|devices| !devices.is_empty()).map(|devices| devices.into_iter().collect())
}

/// Whether all of them were in before the commit, as far as that is still known.
fn were_in(row: &CommitRow, named: &[DeviceId]) -> bool {
    let Some(before) = row.before.as_deref().and_then(Former::parse) else { return false };
    let devices = before.devices();
    named.iter().all(|device| devices.contains(device.to_string().as_str()))
}
