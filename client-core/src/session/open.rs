//! Opening a home: the vault, and from it the device with everything verified again.

use std::collections::HashMap;

use prost::Message as _;
use wardline_identity::{
    Clock, DateCheck, IssuerAuthority, Organisation, RevocationRegister, RootFingerprint, SigningKey,
};
use wardline_proto::{fault, relay};

use super::{
    link::Ways,
    sweep::sweep,
    unseal::{Opened, Opening, unseal},
};
use crate::{
    api::{Failure, FailureKind},
    conversation::{Core, Device, EarlierKey, KnownList, RetentionTime},
    error::CoreError,
    mls::MlsStore,
    vault::{
        Vault,
        tables::{
            conversations, device, device_keys, holds, issuer, pending_commits, record_head,
            retention_time::{self, RetentionRow},
            revocation,
        },
    },
};

/// Opens the vault and loads the device, and deletes what has passed its retention.
pub(crate) async fn open_vault(opening: Opening<'_>, ways: &Ways) -> Result<Core, CoreError> {
    let Opened { vault, device, wrong_tries, relay_time } = unseal(&opening, ways).await?;
    let Opening { clock, entropy, .. } = opening;
    if fault::planted("mutant.forget_pending") {
        forget_pending(&vault).await?;
    }
    let (revocations, list) = revocations(&vault, &device).await?;
    let (store, groups) = (MlsStore::new(), HashMap::new());
    let mut retention = RetentionTime::load(stored_time(&vault).await?, &*clock);
    retention.hear_issuer(device.certificate.not_before(), &*clock);
    if let Some(list) = revocations.list() {
        retention.hear_issuer(list.signed_at(), &*clock);
    }
    if let Some(signed) = relay_time {
        retention.hear_relay(signed, &*clock);
    }
    let mut core =
        Core { vault, store, groups, device, wrong_tries, revocations, list, retention, clock, entropy };
    // What is over goes before anything is shown, or comes.
    sweep(&mut core).await?;
    Ok(core)
}

async fn stored_time(vault: &Vault) -> Result<Option<RetentionRow>, CoreError> {
    let mut tx = vault.begin("load_retention_time").await?;
    let row = retention_time::load(&mut tx).await?;
    tx.commit().await?;
    Ok(row)
}

/// The device of an open vault.
///
/// Everything is verified again: a vault that was written by someone else's hand gives no device. The own
/// certificate's dates are the relay's to judge, so that an expired device can still read what it has.
pub(crate) async fn load_device(vault: &Vault, clock: &dyn Clock) -> Result<Device, CoreError> {
    let mut tx = vault.begin("load_device").await?;
    let row = device::load(&mut tx).await?;
    let issuer = issuer::load(&mut tx).await?;
    let earlier = device_keys::earlier(&mut tx).await?;
    tx.commit().await?;
    let Some(row) = row else { return Err(unfinished().into()) };
    let Some(certificate) = row.certificate else { return Err(unfinished().into()) };
    let root = RootFingerprint::from_bytes(row.root_fingerprint);
    let wire = relay::Organisation::decode(row.organisation.as_slice()).map_err(|_| damaged())?;
    let organisation = Organisation::verify(&wire, &root, clock.now()).map_err(|error| {
        Failure::new(
            FailureKind::Untrusted,
            "The organisation's certificates are not valid now.",
            format!("{error}."),
            "Check this device's date and time; if they are right, ask your administrator.",
        )
    })?;
    let certificate = organisation.verify_device(&certificate, DateCheck::Skip).map_err(|_| damaged())?;
    let issuer = issuer
        .map(|issuer| IssuerAuthority::new(SigningKey::from_seed(*issuer.key_seed), &issuer.certificate))
        .transpose()
        .map_err(|_| damaged())?;
    // One whose issuer was struck since speaks nowhere any more.
    let earlier = earlier.into_iter().filter_map(|row| {
        let certificate = organisation.verify_device(&row.certificate, DateCheck::Skip).ok()?;
        Some(EarlierKey { key: SigningKey::from_seed(*row.seed), certificate, since: row.since })
    });
    let earlier = earlier.collect();
    Ok(Device {
        key: SigningKey::from_seed(*row.key_seed),
        certificate,
        earlier,
        organisation,
        addresses: row.addresses,
        issuer,
    })
}

/// The revocation list that the device goes by.
pub(super) async fn revocations(
    vault: &Vault,
    device: &Device,
) -> Result<(RevocationRegister, KnownList), CoreError> {
    let mut tx = vault.begin("load_revocations").await?;
    let list = revocation::load(&mut tx).await?;
    let acts = revocation::acts_after(&mut tx, 0).await?;
    let head = record_head::load(&mut tx).await?;
    let holds = holds::load(&mut tx).await?;
    tx.commit().await?;
    let (mut register, mut known) = match list {
        Some(row) => {
            let known = KnownList {
                outlived: row.outlived,
                looked: row.looked,
                refreshed: true,
                ..KnownList::default()
            };
            (RevocationRegister::restore(row.list, acts), known)
        }
        None => (RevocationRegister::new(device.organisation.id()), KnownList::default()),
    };
    for hold in holds {
        // One that the list names by now is none any more.
        known.held |= register.hold(hold).unwrap_or(false);
    }
    if let Some(head) = head {
        register.name_record(&head.note);
    }
    Ok((register, known))
}

/// What nobody does: commits under way are taken for lost.
async fn forget_pending(vault: &Vault) -> Result<(), CoreError> {
    let mut tx = vault.begin("forget_pending").await?;
    for row in conversations::list(&mut tx).await? {
        pending_commits::delete(&mut tx, &row.conversation).await?;
    }
    Ok(tx.commit().await?)
}

fn unfinished() -> Failure {
    Failure::new(
        FailureKind::NoVault,
        "This home has no certificate yet.",
        "Its enrolment was not finished.",
        "Run the same wardline enrol command again; it goes on where it stopped.",
    )
}

fn damaged() -> Failure {
    Failure::new(
        FailureKind::Disk,
        "The vault is damaged.",
        "The device's own certificate in it does not verify.",
        "Ask your administrator for a new invitation and enrol in another --home.",
    )
}
