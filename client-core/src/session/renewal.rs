//! The device's own certificate is followed by the next before it ends, with a new key (design 4.2).
//!
//! In the last third of its life a connected device makes a key, keeps it, and asks until a registrar has certified it. Then the
//! key before it stays for what still uses it: its leaf in each conversation follows by a commit, spread over a day, and packages of
//! it that were handed out count until its certificate ends. When nothing uses it, it is destroyed. Each step is in the vault
//! before the next begins, so that a device which dies in between goes on there.

use std::{sync::Arc, time::Duration};

use wardline_identity::{DateCheck, DeviceCertificate, Renewal, SigningKey};
use wardline_proto::{
    ConversationId, Digest, UtcMillis,
    fault::planted,
    relay::{RenewCertificateRequest, RenewalRequest},
};

use super::{Session, key_packages, link::client_identity, outbox::until_caught_up};
use crate::{
    api::{Failure, FailureKind},
    conversation::{Core, EarlierKey, random},
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::{
        conversations::{self, Standing},
        device_keys,
        intents::{self, Wish},
        key_packages as packages,
    },
};

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(600);
/// Over how long the leaves follow, in milliseconds: a day.
const FOLLOW_MS: u64 = 86_400_000;

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing is to be done now.
    Nothing,
    /// The next certificate is asked for, and not issued yet.
    Asked,
    /// The device has the next certificate; connections are to be made with it.
    Renewed,
}

/// Sees to it for as long as there is a connection; ends with the failure that has the connection made anew.
pub(super) async fn run(session: &Session, relay: &Arc<dyn Relay>) -> Result<(), CoreError> {
    until_caught_up(session).await;
    loop {
        if look(session, relay).await? == Step::Renewed {
            session.hurry.notify_one();
            return Err(renewed().into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// One look: what is due is done.
pub(super) async fn look(session: &Session, relay: &Arc<dyn Relay>) -> Result<Step, CoreError> {
    follow(session).await?;
    forget(session).await?;
    if session.clock.now() < renews_at(&session.core().await.device.certificate) {
        return Ok(Step::Nothing);
    }
    // 1. The key, in the vault before anybody hears of it.
    let (request, renewal) = {
        let core = session.core().await;
        let next = next_key(session, &core).await?;
        let request = Renewal::ask(&core.device.key, &core.device.certificate, &next);
        let renewal = Renewal::verify(&request, &core.device.certificate)
            .map_err(|error| Failure::defect(format!("A renewal could not be asked for: {error}.")))?;
        (request, renewal)
    };
    // 2. Asked for: the same bytes each time.
    let asked = session.clock.now();
    let Some(certificate) = ask(relay, request).await? else { return Ok(Step::Asked) };
    // 3. It is what was asked for, or it is nothing.
    let next = {
        let core = session.core().await;
        core.device.organisation.verify_device(&certificate, DateCheck::At(session.clock.now()))
    };
    let fits = |next: &DeviceCertificate| {
        renewal.check_certificate(next).is_ok() || planted("mutant.renewed_unchecked")
    };
    let Some(next) = next.ok().filter(fits) else {
        tracing::warn!("the relay offered a certificate that this device has not asked for");
        return Ok(Step::Asked);
    };
    // 4. The device's from now on.
    adopt(session, next, asked).await?;
    Ok(Step::Renewed)
}

/// When a device asks for its next certificate: in the last third of its life, spread over a sixth of that by the device's id, so
/// that not all ask at once who were enrolled together.
pub(super) fn renews_at(certificate: &DeviceCertificate) -> UtcMillis {
    let from = certificate.renewable_from().get();
    let spread = certificate.not_after().get().saturating_sub(from) / 6;
    UtcMillis::new(from + place(certificate.device().as_bytes(), spread))
}

/// A place within so many milliseconds that follows from these bytes.
fn place(bytes: &[u8], within: u64) -> u64 {
    let digest = Digest::of(bytes);
    let number = digest.as_bytes().iter().take(7).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    number % within.max(1)
}

/// The key that is to be certified: the one that waits, or a new one.
async fn next_key(session: &Session, core: &Core) -> Result<SigningKey, CoreError> {
    let mut tx = core.vault.begin("next_key").await?;
    if let Some(seed) = device_keys::next(&mut tx).await? {
        return Ok(SigningKey::from_seed(*seed));
    }
    let key = SigningKey::generate(&*session.entropy)?;
    device_keys::insert_next(&mut tx, &key.seed(), session.clock.now()).await?;
    tx.commit().await?;
    Ok(key)
}

/// Asks for the certificate; none while no registrar has issued it. What the relay refuses now is asked for again later.
async fn ask(relay: &Arc<dyn Relay>, request: RenewalRequest) -> Result<Option<Vec<u8>>, CoreError> {
    match relay.renew_certificate(RenewCertificateRequest { request: Some(request) }).await {
        Ok(answer) => Ok(Some(answer.certificate.to_vec()).filter(|certificate| !certificate.is_empty())),
        Err(RelayError::Refused { reason, .. }) => {
            tracing::warn!(%reason, "the relay does not renew this device's certificate");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Keeps certificate and key as the device's, beside the ones before. From now on, and not from when it was asked for: packages that
/// were made in between are of the key before.
async fn adopt(session: &Session, next: DeviceCertificate, asked: UtcMillis) -> Result<(), CoreError> {
    let mut core = session.core().await;
    let now = if planted("mutant.followed_when_asked") { asked } else { session.clock.now() };
    let mut tx = core.vault.begin("renew").await?;
    let Some(seed) = device_keys::next(&mut tx).await? else {
        return Err(Failure::defect("The key that was certified is gone.").into());
    };
    device_keys::follow(&mut tx, next.der(), now).await?;
    tx.commit().await?;
    let device = &mut core.device;
    let key = std::mem::replace(&mut device.key, SigningKey::from_seed(*seed));
    let certificate = std::mem::replace(&mut device.certificate, next);
    device.earlier.push(EarlierKey { key, certificate, since: now });
    session.connector.renewed(client_identity(&core.device)?);
    tracing::info!("this device's certificate was renewed");
    Ok(())
}

/// Wishes for the commits by which leaves of an earlier key follow, one conversation after the other.
pub(super) async fn follow(session: &Session) -> Result<(), CoreError> {
    let now = session.clock.now();
    let mut core = session.core().await;
    if core.device.earlier.is_empty() {
        return Ok(());
    }
    let mut wished = false;
    for conversation in standing_in(&core, |standing| standing == Standing::Active).await? {
        let behind = core.load_group(&conversation).await?
            && core.groups.get(&conversation).is_some_and(|group| core.device.next_voice(group).is_some());
        if !behind || planted("mutant.leaves_stay") {
            continue;
        }
        let mut tx = core.vault.begin("wish_to_follow").await?;
        let open = intents::open_in(&mut tx, &conversation).await?;
        if !open.iter().any(|open| open.wish == Wish::RenewLeaf) {
            let request = random(&*session.entropy)?;
            let due = follows_at(&core, &conversation, now);
            intents::insert(&mut tx, &conversation, &Wish::RenewLeaf, &request, now, due).await?;
            tx.commit().await?;
            wished = true;
        }
    }
    drop(core);
    if wished {
        session.wake.notify_one();
    }
    Ok(())
}

/// Within a day, or at once where the certificate of the leaf ends sooner.
fn follows_at(core: &Core, conversation: &ConversationId, now: UtcMillis) -> UtcMillis {
    let place = place(&[core.device.id().as_bytes(), conversation.as_bytes().as_slice()].concat(), FOLLOW_MS);
    let due = UtcMillis::new(now.get() + place);
    let ends = core.voice(conversation).certificate.not_after();
    if ends.get() < now.get() + 2 * FOLLOW_MS { now } else { due }
}

/// Destroys what nothing uses any more: packages of an earlier key when its certificate has ended, by which nobody adds after that,
/// and then the key, once no leaf is of it.
pub(super) async fn forget(session: &Session) -> Result<(), CoreError> {
    let now = session.clock.now();
    let early = planted("mutant.packages_go_early");
    let over = |earlier: &&EarlierKey| now > earlier.certificate.not_after() || early;
    let followed = session.core().await.device.earlier.iter().filter(over).map(|one| one.since).max();
    let Some(followed) = followed else { return Ok(()) };
    let old = {
        let core = session.core().await;
        let mut tx = core.vault.begin("look_for_earlier_packages").await?;
        packages::made_before(&mut tx, followed).await?
    };
    key_packages::forget(session, old).await?;
    let mut core = session.core().await;
    let mut used = Vec::new();
    for conversation in standing_in(&core, Standing::has_a_leaf).await? {
        if core.load_group(&conversation).await? {
            used.extend(core.groups.get(&conversation).and_then(crate::mls::Group::own_key));
        }
    }
    let is_used = |one: &EarlierKey| used.contains(one.key.public().as_bytes());
    let gone: Vec<_> = core
        .device
        .earlier
        .iter()
        .filter(|one| over(one) && (!is_used(one) || planted("mutant.key_goes_early")))
        .map(|one| one.key.seed())
        .collect();
    let mut tx = core.vault.begin("forget_keys").await?;
    for seed in &gone {
        device_keys::delete(&mut tx, seed).await?;
    }
    tx.commit().await?;
    core.device.earlier.retain(|one| !gone.iter().any(|seed| **seed == *one.key.seed()));
    Ok(())
}

async fn standing_in(
    core: &Core,
    stands: impl Fn(Standing) -> bool,
) -> Result<Vec<ConversationId>, CoreError> {
    let mut tx = core.vault.begin("list_conversations").await?;
    let rows = conversations::list(&mut tx).await?;
    Ok(rows.into_iter().filter(|row| stands(row.standing)).map(|row| row.conversation).collect())
}

fn renewed() -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        "This device has a new certificate and connects again with it.",
        "",
        "It goes on by itself.",
    )
}
