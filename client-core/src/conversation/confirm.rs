//! Confirming a removal: this device has merged the very commit that put out whom it is asked about. What it does not know of
//! itself it does not say (design 4.4.5).

use std::collections::BTreeSet;

use wardline_identity::{RemovalConfirmation, StatementLabel};
use wardline_proto::{
    ConversationId, DeviceId, Digest, EntryNumber, fault,
    relay::{ConfirmRemoval, SignedStatement},
};

use super::{core::Core, revoked::is_itself_out};
use crate::{
    error::CoreError,
    vault::tables::commits::{self, Effected},
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
    let Some(Effected { epoch, at: merged_at, removed }) = row.merged else { return Ok(None) };
    // 1. It has merged that commit, which is another's and has left it in.
    let is_that = row.digest == sha256 && epoch.get() == asked.epoch;
    if !is_that && !fault::planted("mutant.confirm_another_commit")
        || row.author == Some(core.device.id()) && !fault::planted("mutant.confirm_own")
        || removed.contains(&core.device.id())
    {
        return Ok(None);
    }
    // 2. They went by it, not by another before or after.
    let all_by_it = named.iter().all(|device| removed.contains(device));
    if !all_by_it && !fault::planted("mutant.confirm_out_by_another") {
        return Ok(None);
    }
    let said = RemovalConfirmation { log: *log, number, epoch, sha256, devices: named, merged_at };
    // By the newest: whoever checks it has the certificate beside it, and judges its dates.
    Ok(Some(core.device.newest().sign(StatementLabel::RemovalConfirmation, &said.to_wire())))
}

/// The devices that are asked about, each once.
fn named(asked: &ConfirmRemoval) -> Option<Vec<DeviceId>> {
    let devices: Result<BTreeSet<DeviceId>, _> = asked.device_ids.iter().map(DeviceId::try_from).collect();
    devices.ok().filter(|devices| !devices.is_empty()).map(|devices| devices.into_iter().collect())
}
