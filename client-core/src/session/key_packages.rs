//! Keeping enough KeyPackages at the relay, so that others can add this device while it sleeps.

use std::sync::Arc;

use wardline_proto::{
    Suite, UtcMillis, fault,
    relay::{CountKeyPackagesRequest, KeyPackageCount, PublishKeyPackagesRequest},
};

use super::Session;
use crate::{
    conversation::Core,
    error::CoreError,
    mls::{ParsedKeyPackage, key_package},
    relay::{Relay, RelayError},
    vault::{mls_rows::Scope, tables::key_packages},
};

/// How many one-time packages a device keeps there, per suite.
const WANTED: u32 = 100;
/// Fewer than this are topped up.
const LOW: u32 = 50;
/// How many are published in one call.
const CHUNK: usize = 101;
/// How many packages that were handed out and not used keep their keys, per suite: their Welcomes may still come.
const HANDED_OUT_KEPT: u32 = 1_000;
/// How many last-resort packages keep their keys, per suite: the one at the relay, and those it has just replaced.
const LAST_RESORTS_KEPT: u32 = 3;

/// Publishes what is missing. A package's private key is in the vault before the package leaves. A relay that takes
/// no more now is asked again with the next connection; nothing else waits for it.
pub(crate) async fn top_up(session: &Session, relay: &Arc<dyn Relay>) -> Result<(), CoreError> {
    match publish_missing(session, relay).await {
        Err(CoreError::Relay(RelayError::Refused { reason, .. })) => {
            tracing::warn!(%reason, "the relay took no packages");
            Ok(())
        }
        outcome => outcome,
    }
}

async fn publish_missing(session: &Session, relay: &Arc<dyn Relay>) -> Result<(), CoreError> {
    let counts = relay.count_key_packages(CountKeyPackagesRequest {}).await?.counts;
    for suite in Suite::ALL {
        let count = counts.iter().find(|count| count.cipher_suite == u32::from(suite.code()));
        let packages = missing(session, suite, count).await?;
        for chunk in packages.chunks(CHUNK) {
            let key_packages = chunk.iter().cloned().map(Into::into).collect();
            let published = relay.publish_key_packages(PublishKeyPackagesRequest { key_packages }).await;
            if let Err(error @ RelayError::Refused { .. }) = published {
                // Nobody has them and nobody will: their keys are good for nothing.
                let references = chunk.iter().filter_map(|one| Some(parse(one)?.reference)).collect();
                forget(session, references).await?;
                return Err(error.into());
            }
            published?;
        }
        prune(session, suite, count.map_or(0, |count| count.one_time)).await?;
    }
    Ok(())
}

fn parse(package: &[u8]) -> Option<ParsedKeyPackage> {
    key_package::parse_and_verify(package).ok()
}

/// Deletes keys that pile up: of one-time packages handed out long ago and never used, and of last-resort packages that were
/// replaced. The relay hands out the oldest first.
async fn prune(session: &Session, suite: Suite, left: u32) -> Result<(), CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("look_for_old_packages").await?;
    let mut old = key_packages::beyond(&mut tx, (suite, false), left.max(WANTED) + HANDED_OUT_KEPT).await?;
    old.extend(key_packages::beyond(&mut tx, (suite, true), LAST_RESORTS_KEPT).await?);
    tx.commit().await?;
    drop(core);
    forget(session, old).await
}

/// Destroys the keys of some packages.
pub(super) async fn forget(session: &Session, references: Vec<Vec<u8>>) -> Result<(), CoreError> {
    if references.is_empty() {
        return Ok(());
    }
    let core = session.core().await;
    core.store.load(&core.vault, Scope::Device).await?;
    let mut tx = core.vault.begin("forget_packages").await?;
    for reference in &references {
        key_package::delete(&core.store, reference)?;
        key_packages::delete(&mut tx, reference).await?;
    }
    let outcome = Core::finish(&core.store, tx).await;
    if outcome.is_err() {
        core.store.roll_back();
    }
    core.store.forget(Scope::Device);
    outcome
}

/// Makes the packages that a suite lacks and stores their keys.
async fn missing(
    session: &Session,
    suite: Suite,
    count: Option<&KeyPackageCount>,
) -> Result<Vec<Vec<u8>>, CoreError> {
    let left = count.map_or(0, |count| count.one_time);
    let last_resort = count.is_some_and(|count| count.unused_last_resort);
    let (wanted, low) =
        if fault::planted("simulation.few_key_packages") { (WANTED / 10, LOW / 10) } else { (WANTED, LOW) };
    if left >= low && last_resort {
        return Ok(Vec::new());
    }
    let core = session.core().await;
    core.store.load(&core.vault, Scope::Device).await?;
    let one_time = usize::try_from(wanted.saturating_sub(left)).unwrap_or(0);
    let made = generate(&core, suite, one_time, !last_resort);
    let outcome = match made {
        Ok(packages) => store(&core, &packages, session.clock.now()).await.map(|()| packages),
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        core.store.roll_back();
    }
    core.store.forget(Scope::Device);
    outcome
}

fn generate(
    core: &Core,
    suite: Suite,
    one_time: usize,
    last_resort: bool,
) -> Result<Vec<Vec<u8>>, CoreError> {
    let identity = core.device.newest().identity();
    let mut packages = key_package::generate(&core.store, &identity, suite, one_time, false)?;
    if last_resort {
        packages.extend(key_package::generate(&core.store, &identity, suite, 1, true)?);
    }
    Ok(packages)
}

async fn store(core: &Core, packages: &[Vec<u8>], now: UtcMillis) -> Result<(), CoreError> {
    let mut tx = core.vault.begin("key_packages").await?;
    for made in packages.iter().filter_map(|package| parse(package)) {
        key_packages::insert(&mut tx, &made.reference, (made.suite, made.last_resort), now).await?;
    }
    Core::finish(&core.store, tx).await
}
