//! Opening a vault with its relay: the passcode goes there blinded, what comes back opens the keyring, and the opened vault says so over the
//! connection that it is on (design 4.5, RFC 9497).
//!
//! A vault whose device has no certificate yet is opened by its passcode alone. The first thing that a certified device does is to have a
//! pair made: nothing was received before.

use std::{path::Path, sync::Arc};

use wardline_identity::{
    Blinding, Clock, Entropy, EntropyError, Evaluated, OprfError, SigningKey, UnlockConfirmation, UnlockTry,
};
use wardline_proto::{
    PairId, Reason, TRIES_MAX, TryId, UtcMillis, fault,
    relay::{ConfirmUnlockRequest, EvaluateRequest, EvaluateResponse, MakePairRequest, RelayGreeting},
};
use zeroize::Zeroizing;

use super::{Connector, greet, link::Ways, open::load_device, period_secrets};
use crate::{
    api::{Failure, FailureKind, short_span},
    conversation::{Device, random},
    error::CoreError,
    relay::{Relay, RelayError},
    vault::{
        OpenTry, Passcode, SealedVault, Sealing, SealingKey, Stretched, Unsealed, Vault, VaultError,
        VaultOwner, VaultPair, tables::generation,
    },
};

/// What opening a vault needs beside its passcode.
#[derive(Clone)]
pub(crate) struct Opening<'a> {
    pub home: &'a Path,
    pub passcode: &'a Passcode,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// An open vault.
pub(crate) struct Opened {
    pub vault: Vault,
    /// Who this is.
    pub device: Device,
    /// How many wrong passcodes were tried since it was opened last, here or anywhere.
    pub wrong_tries: u32,
    /// The relay's time, signed when it was asked.
    pub relay_time: Option<UtcMillis>,
}

/// Opens the vault in a home, and loads its device.
pub(crate) async fn unseal(opening: &Opening<'_>, ways: &Ways) -> Result<Opened, CoreError> {
    let sealed = SealedVault::read(opening.home)?;
    match sealed.pair() {
        Some(pair) => open_paired(opening, &sealed, (pair, &*ways.stranger(pair))).await,
        None => open_alone(opening, &sealed, ways).await,
    }
}

/// One that has a pair.
async fn open_paired(
    opening: &Opening<'_>,
    sealed: &SealedVault,
    (pair, door): (&VaultPair, &dyn Connector),
) -> Result<Opened, CoreError> {
    let (asked, unsealed) = open_keyring(opening, sealed, (pair, door)).await?;
    let vault = unsealed.open().await?;
    let device = load_device(&vault, &*opening.clock).await?;
    // A hint: one that was certified by an issuer whom this device does not know yet tells it nothing.
    let greeted = greet::verify(&device.organisation, &asked.greeting, opening.clock.now()).ok();
    confirm(&*asked.relay, sealed, (&vault, &device), (pair.id, asked.by)).await?;
    let wrong_tries = TRIES_MAX.saturating_sub(asked.left).saturating_sub(1);
    Ok(Opened { vault, device, wrong_tries, relay_time: greeted.map(|greeted| greeted.time) })
}

/// Tries a passcode at the relay, and opens the keyring with what comes of it.
pub(super) async fn open_keyring(
    opening: &Opening<'_>,
    sealed: &SealedVault,
    (pair, door): (&VaultPair, &dyn Connector),
) -> Result<(Asked, Unsealed), CoreError> {
    let asked = ask(opening, sealed, (pair, door)).await?;
    match sealed.unseal(&asked.key) {
        Ok(unsealed) => Ok((asked, unsealed)),
        Err(VaultError::WrongPasscode) => {
            sealed.miss_try(asked.left)?;
            Err(wrong(asked.left).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// What came of a try.
pub(super) struct Asked {
    /// The connection: on it is said that the vault is open.
    pub relay: Arc<dyn Relay>,
    /// What the keyring is sealed with, if the passcode is right.
    pub key: SealingKey,
    /// Which try it was.
    pub by: TryId,
    /// How many are left after it.
    pub left: u32,
    /// The relay's greeting: its time.
    pub greeting: RelayGreeting,
}

/// Tries a passcode at the relay.
pub(super) async fn ask(
    opening: &Opening<'_>,
    sealed: &SealedVault,
    (pair, door): (&VaultPair, &dyn Connector),
) -> Result<Asked, CoreError> {
    // 1. The relay is looked for while the passcode is stretched.
    let connecting = async { door.connect().await.map_err(|error| unreached(error).into()) };
    let stretching = async { sealed.sealing().stretch(opening.passcode).await.map_err(CoreError::from) };
    let ((relay, _), stretched) = tokio::try_join!(connecting, stretching)?;

    // 2. The try: the one that is open, if there is one.
    let open = sealed.begin_try(&*opening.entropy)?;
    fault::crash("crash.try_begun");
    let (output, answer) = evaluate(&*relay, (pair, &open), (opening.passcode, &stretched)).await?;
    fault::crash("crash.try_answered");
    let greeting = answer.greeting.unwrap_or_default();
    Ok(Asked { relay, key: stretched.with(&output), by: open.id, left: answer.tries_left, greeting })
}

/// A copy of a vault, as somebody opens it who knows its passcode and has code of their own: the relay answers, and is not told that it is open.
/// It is asked for the secrets of all periods that the copy has keys of.
pub(crate) async fn unseal_copy(opening: &Opening<'_>, ways: &Ways) -> Result<Vault, CoreError> {
    let sealed = SealedVault::read(opening.home)?;
    let pair = sealed.pair().ok_or(VaultError::Unpaired)?;
    let (_, unsealed) = open_keyring(opening, &sealed, (pair, &*ways.stranger(pair))).await?;
    let vault = unsealed.open().await?;
    // As the device, for the device's key is in the vault. What the relay does not give stays shut.
    let device = load_device(&vault, &*opening.clock).await?;
    if let Ok((relay, _)) = ways.certified(&device)?.connect().await {
        drop(period_secrets::fetch(&vault, &*relay).await);
    }
    Ok(vault)
}

/// One that has none: by its passcode alone. A device that has its certificate has a pair made, and the vault is sealed with it.
async fn open_alone(opening: &Opening<'_>, sealed: &SealedVault, ways: &Ways) -> Result<Opened, CoreError> {
    let stretched = sealed.sealing().stretch(opening.passcode).await?;
    let unsealed = sealed.unseal(&stretched.alone())?;
    let vault = unsealed.open().await?;
    let device = load_device(&vault, &*opening.clock).await?;
    if fault::planted("simulation.unpaired_vaults") {
        return Ok(Opened { vault, device, wrong_tries: 0, relay_time: None });
    }
    vault.close().await?;
    let (relay, _) = ways.certified(&device)?.connect().await.map_err(unreached)?;
    // What was sealed under the passcode alone is to open nothing that comes: these keys are left behind.
    let fresh = unsealed.rekey(&*opening.entropy).await?;
    fault::crash("crash.rekeyed");
    let made = make(opening, (&*relay, sealed), (&device, &fresh), (sealed.sealing(), &stretched)).await?;
    let vault = fresh.paired().open().await?;
    confirm(&*relay, sealed, (&vault, &device), made).await?;
    Ok(Opened { vault, device, wrong_tries: 0, relay_time: None })
}

/// Opens the vault of a home that is still being made, whether its device has a pair by now or not.
pub(super) async fn unseal_unfinished(opening: &Opening<'_>, ways: &Ways) -> Result<Vault, CoreError> {
    let sealed = SealedVault::read(opening.home)?;
    if sealed.pair().is_some() {
        return Ok(unseal(opening, ways).await?.vault);
    }
    Ok(Vault::unlock(opening.home, opening.passcode).await?)
}

/// Has the relay draw a key for this vault, and seals the keyring with what comes of it.
pub(super) async fn make(
    opening: &Opening<'_>,
    (relay, sealed): (&dyn Relay, &SealedVault),
    (device, unsealed): (&Device, &Unsealed),
    (sealing, stretched): (&Sealing, &Stretched),
) -> Result<(PairId, TryId), CoreError> {
    let entropy = &*opening.entropy;
    let (id, unlock_key) = (PairId::from_bytes(random(entropy)?), SigningKey::generate(entropy)?);
    let asked =
        MakePairRequest { pair_id: id.to_wire(), unlock_key: unlock_key.public().as_bytes().to_vec().into() };
    let made = relay.make_pair(asked).await?;
    let public = made.public_key.as_ref().try_into();
    let public = public.map_err(|_| CoreError::Protocol("answered with a pair without a key"))?;
    let pair = VaultPair {
        id,
        public,
        unlock_key,
        root: device.organisation.root_fingerprint(),
        owner: VaultOwner { device: device.id(), user: device.user().to_string() },
        addresses: device.addresses.clone(),
    };
    let open = sealed.begin_try(entropy)?;
    let (output, _) = evaluate(relay, (&pair, &open), (opening.passcode, stretched)).await?;
    fault::crash("crash.pair_made");
    unsealed.seal_anew(sealing.clone().paired(pair), &stretched.with(&output), entropy)?;
    fault::crash("crash.sealed_anew");
    Ok((id, open.id))
}

/// Has the relay evaluate the passcode, which it does not see; the output, and what else it answered.
async fn evaluate(
    relay: &dyn Relay,
    (pair, open): (&VaultPair, &OpenTry),
    (passcode, stretched): (&Passcode, &Stretched),
) -> Result<(Zeroizing<[u8; 64]>, EvaluateResponse), CoreError> {
    let blinding = Blinding::seeded(passcode.as_bytes(), &stretched.blinding(open)).map_err(unusable)?;
    let tried = UnlockTry { pair: pair.id, id: open.id, blinded: *blinding.blinded() };
    let request = EvaluateRequest {
        greeting: Some(greet::greeting(0, 0)),
        r#try: Some(tried.sign(&pair.unlock_key, &relay.exporter())),
    };
    let answer = relay.evaluate(request).await.map_err(explained)?;
    let malformed = || CoreError::Protocol("evaluated nothing");
    let evaluated = Evaluated {
        element: answer.evaluated.as_ref().try_into().map_err(|_| malformed())?,
        proof: answer.proof.as_ref().try_into().map_err(|_| malformed())?,
    };
    let output = blinding.finish(passcode.as_bytes(), &evaluated, &pair.public).map_err(unusable)?;
    Ok((output, answer))
}

/// Says that the vault is open, in a generation that no copy of it has had.
pub(super) async fn confirm(
    relay: &dyn Relay,
    sealed: &SealedVault,
    (vault, device): (&Vault, &Device),
    (pair, by): (PairId, TryId),
) -> Result<(), CoreError> {
    let mut tx = vault.begin("raise_generation").await?;
    let generation = generation::raise(&mut tx).await?;
    tx.commit().await?;
    fault::crash("crash.generation_raised");
    let open = UnlockConfirmation { pair, by, generation };
    let said = open.sign((&device.key, &device.certificate), &relay.exporter());
    let period_ends_ms = vault.periods().into_iter().map(|period| period.end().get()).collect();
    match relay.confirm_unlock(ConfirmUnlockRequest { confirmation: Some(said), period_ends_ms }).await {
        Ok(answer) => {
            period_secrets::take(vault, answer.secrets)?;
            // Of one whose issuer was struck nothing is taken any more; what it has it may read. The try stays open, and counts no second time.
            if !answer.struck {
                sealed.end_try()?;
            }
        }
        Err(RelayError::Refused { reason: Reason::PairUnknown, .. }) => return Err(overtaken().into()),
        Err(error) => return Err(explained(error)),
    }
    fault::crash("crash.unlock_confirmed");
    Ok(())
}

/// The relay's word about a try, for the person who made it.
fn explained(error: RelayError) -> CoreError {
    let RelayError::Refused { reason, retry_after, .. } = &error else { return unreached(error).into() };
    let (kind, what, why, now) = match reason {
        Reason::VaultClosed => (
            FailureKind::Refused,
            "This vault is closed for ever.",
            "Its passcode was tried more than ten times, and the relay has destroyed its half of the key (VAULT_CLOSED).".to_owned(),
            FORGOTTEN,
        ),
        Reason::UnlockSpaced => {
            let pause = retry_after.map_or(30, |pause| pause.as_secs().max(1));
            let pause = short_span(u32::try_from(pause).unwrap_or(u32::MAX));
            (
                FailureKind::Passcode,
                "The passcode was not tried.",
                format!("It was wrong several times: the next try may come in {pause} (UNLOCK_SPACED)."),
                FORGOTTEN_OR_LATER,
            )
        }
        Reason::PairUnknown => (
            FailureKind::Refused,
            "The relay does not know this vault.",
            "It was opened with another passcode since, somewhere else, or the relay was restored from a copy that is older than the vault \
             (PAIR_UNKNOWN)."
                .to_owned(),
            FORGOTTEN,
        ),
        Reason::VaultOlder => (
            FailureKind::Refused,
            "This is an older copy of the vault.",
            "It was opened since, somewhere else or before it was put back; what an older copy sent could be read by others (VAULT_OLDER)."
                .to_owned(),
            "Use the newer one; if there is none, ask an administrator for a new invitation: admin invite … --replaces this device.",
        ),
        _ => return error.into(),
    };
    Failure::new(kind, what, why, now).into()
}

/// The relay counts another try than this one as the last.
fn overtaken() -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        "The vault was tried somewhere else at the same moment.",
        "The relay takes the word of the last try only.",
        "Try again. If nobody else has this device's files, tell your administrator.",
    )
}

/// What whoever has forgotten the passcode needs.
const FORGOTTEN: &str = "Ask an administrator for an invitation that replaces this device (admin invite … --replaces), and enrol in another --home.";
const FORGOTTEN_OR_LATER: &str = "Wait, and try again. Who has forgotten it asks an administrator for an invitation that replaces this device \
     (admin invite … --replaces).";

/// The passcode was wrong.
fn wrong(left: u32) -> Failure {
    let why = match left {
        0 => "No try is left: the next one closes this vault for ever.".to_owned(),
        1 => "One try is left; then the vault is closed for ever.".to_owned(),
        left => format!("{left} tries are left; then the vault is closed for ever."),
    };
    Failure::new(FailureKind::Passcode, "The passcode is wrong.", why, FORGOTTEN_OR_LATER)
}

/// There is no opening a vault without the relay.
pub(super) fn unreached(error: RelayError) -> Failure {
    match error {
        RelayError::Unavailable { .. } => Failure::new(
            FailureKind::Unavailable,
            "The vault cannot be opened: the relay cannot be reached.",
            "The relay holds its half of the vault's key.",
            "Check the network. What is to work without the relay for a while works in a vault that is kept open: wardline unlock.",
        ),
        error => error.into(),
    }
}

/// What the relay evaluated is not what its key gives.
fn unusable(error: OprfError) -> CoreError {
    match error {
        OprfError::NoEntropy => CoreError::Entropy(EntropyError),
        OprfError::Malformed | OprfError::Unproven => Failure::new(
            FailureKind::Untrusted,
            "The relay did not answer as the one that this vault was sealed with.",
            format!("{error}."),
            "Tell your administrator. The same passcode again does not count twice.",
        )
        .into(),
    }
}
