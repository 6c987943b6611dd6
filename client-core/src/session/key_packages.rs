//! Keeping enough KeyPackages at the relay, so that others can add this device while it sleeps.

use std::sync::Arc;

use wardline_proto::{
    Suite, fault,
    relay::{CountKeyPackagesRequest, KeyPackageCount, PublishKeyPackagesRequest},
};

use super::Session;
use crate::{
    conversation::Core,
    error::CoreError,
    mls::key_package,
    relay::{Relay, RelayError},
    vault::mls_rows::Scope,
};

/// How many one-time packages a device keeps there, per suite.
const WANTED: u32 = 100;
/// Fewer than this are topped up.
const LOW: u32 = 50;
/// How many are published in one call.
const CHUNK: usize = 101;

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
            relay.publish_key_packages(PublishKeyPackagesRequest { key_packages }).await?;
        }
    }
    Ok(())
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
        Ok(packages) => store(&core).await.map(|()| packages),
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
    let identity = core.device.identity();
    let mut packages = key_package::generate(&core.store, &identity, suite, one_time, false)?;
    if last_resort {
        packages.extend(key_package::generate(&core.store, &identity, suite, 1, true)?);
    }
    Ok(packages)
}

async fn store(core: &Core) -> Result<(), CoreError> {
    let tx = core.vault.begin("key_packages").await?;
    Core::finish(&core.store, tx).await
}
