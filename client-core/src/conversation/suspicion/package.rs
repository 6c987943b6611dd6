//! One-time KeyPackages are for one Welcome: a second Welcome for one shows that the relay handed it out twice.

use serde_json::json;
use wardline_proto::{ConversationId, EntryNumber, UtcMillis, fault};

use super::{Suspicion, uninvited::show_uninvited};
use crate::{
    conversation::core::Core,
    error::CoreError,
    mls::key_package,
    vault::{
        Transaction,
        tables::{relay_faults::RelayFaultKind, spent_packages},
    },
};

/// The references of this device's packages, before it joins.
pub(crate) fn one_time(core: &Core) -> Result<Vec<Vec<u8>>, CoreError> {
    Ok(key_package::references(&core.store)?)
}

/// Keeps the references of those of `before` that joining has used up.
pub(crate) async fn spent(
    tx: &mut Transaction<'_>,
    core: &Core,
    before: &[Vec<u8>],
) -> Result<(), CoreError> {
    let left = key_package::references(&core.store)?;
    for reference in before.iter().filter(|reference| !left.contains(reference)) {
        spent_packages::insert(tx, reference).await?;
    }
    Ok(())
}

/// A Welcome that opens with none of this device's packages: one that it has used before is the relay's doing, and the
/// conversation is shown, so that its person asks to be added again.
pub(crate) async fn package_twice(
    tx: &mut Transaction<'_>,
    welcome: &[u8],
    (conversation, number): (ConversationId, EntryNumber),
    (stamp, now): (UtcMillis, UtcMillis),
) -> Result<bool, CoreError> {
    let mut again = None;
    for reference in key_package::references_of(welcome) {
        if spent_packages::contains(tx, &reference).await? {
            again = Some(reference);
        }
    }
    let Some(reference) = again.filter(|_| !fault::planted("mutant.package_twice")) else { return Ok(false) };
    show_uninvited(tx, conversation, stamp).await?;
    let evidence = json!({ "reference": data_encoding::HEXLOWER.encode(&reference) });
    let (conversation, kind) = (Some(conversation), RelayFaultKind::PackageTwice);
    Suspicion { conversation, kind, number: number.get(), about: "", evidence }.note(tx, now).await?;
    Ok(true)
}
