//! Sealing what messages say: each under a key of its own, that wrapped under what period, relay and conversation give together (design 4.6).
//!
//! body key = HKDF(key of the period ‖ the relay's secret of the period for this device ‖ key of the conversation). The first is destroyed here
//! when the period is over, the second at the relay: either alone shuts the body, wherever a copy of it is. A vault that has no pair
//! has no relay behind it, and no second part.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};
use wardline_identity::Entropy;
use wardline_proto::{ConversationId, EntryNumber, Period, UtcMillis};
use zeroize::Zeroizing;

use super::VaultError;
use super::kdf::expand;
use super::period_ring::PeriodRing;

/// Where a body belongs: its seal covers it.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) conversation: &'a ConversationId,
    pub(super) number: EntryNumber,
    pub(super) period: Period,
}

/// A body as it is stored.
pub(super) struct SealedBody {
    /// Its key, wrapped: 24 + 32 + 16 bytes.
    pub(super) key: Vec<u8>,
    /// What it says: 24 + its length + 16 bytes.
    pub(super) text: Vec<u8>,
}

/// The keys of bodies, while the vault is open.
pub(super) struct Bodies {
    keys: Mutex<Keys>,
}

struct Keys {
    ring: PeriodRing,
    /// The relay's secrets, never stored; `None` for a vault without a pair.
    secrets: Option<BTreeMap<Period, Zeroizing<[u8; 32]>>>,
}

impl Bodies {
    pub(super) fn new(ring: PeriodRing, paired: bool) -> Self {
        Self { keys: Mutex::new(Keys { ring, secrets: paired.then(BTreeMap::new) }) }
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the relay's secrets; those that are here stay as they came first.
    pub(super) fn take(&self, secrets: impl IntoIterator<Item = (Period, Zeroizing<[u8; 32]>)>) {
        if let Some(known) = &mut self.keys().secrets {
            for (period, secret) in secrets {
                known.entry(period).or_insert(secret);
            }
        }
    }

    /// The periods that have a key here.
    pub(super) fn periods(&self) -> Vec<Period> {
        self.keys().ring.periods().collect()
    }

    /// The periods that have a key on the disk.
    pub(super) fn stored_periods(&self) -> Result<Vec<Period>, VaultError> {
        Ok(self.keys().ring.read_again()?.periods().collect())
    }

    /// How long the write-ahead log beside the keys is.
    pub(super) fn log_bytes(&self) -> Result<u64, VaultError> {
        self.keys().ring.log_bytes()
    }

    /// Whether there is something to destroy.
    pub(super) fn has_over(&self, now: UtcMillis) -> bool {
        self.keys().ring.has_over(now)
    }

    /// Whether a body of this period could be sealed: the relay's secret is there, or none is needed.
    pub(super) fn has_secret(&self, period: Period) -> bool {
        self.keys().has_secret(period)
    }

    /// Destroys what periods that are over were opened with; says how many.
    ///
    /// # Errors
    /// [`VaultError::NoEntropy`] and trouble with the disk.
    pub(super) fn destroy(&self, now: UtcMillis, entropy: &dyn Entropy) -> Result<usize, VaultError> {
        let mut keys = self.keys();
        if let Some(secrets) = &mut keys.secrets {
            secrets.retain(|period, _| !period.is_over(now));
        }
        keys.ring.destroy(now, entropy)
    }

    /// Destroys the keys of conversations in which nothing is sealed any more.
    ///
    /// # Errors
    /// As [`Bodies::destroy`].
    pub(super) fn forget_conversations(
        &self,
        sealed: &BTreeSet<ConversationId>,
        entropy: &dyn Entropy,
    ) -> Result<(), VaultError> {
        self.keys().ring.forget_conversations(sealed, entropy)
    }

    /// Seals a body. The keys that it needs are on the disk when this returns.
    ///
    /// # Errors
    /// [`VaultError::PeriodSecret`] if the relay's is not there; [`VaultError::NoEntropy`] and trouble with the disk.
    pub(super) fn seal(
        &self,
        place: Place<'_>,
        text: &str,
        entropy: &dyn Entropy,
    ) -> Result<SealedBody, VaultError> {
        let mut keys = self.keys();
        if !keys.has_secret(place.period) {
            return Err(VaultError::PeriodSecret { period: place.period });
        }
        keys.ring.make(place.period, place.conversation, entropy)?;
        let body_key = keys.body_key(place).ok_or(VaultError::PeriodSecret { period: place.period })?;
        drop(keys);
        let mut own = Zeroizing::new([0; 32]);
        entropy.fill(own.as_mut_slice()).map_err(|_| VaultError::NoEntropy)?;
        let aad = place.encode();
        Ok(SealedBody {
            key: seal(&body_key, own.as_slice(), &aad, entropy)?,
            text: seal(&own, text.as_bytes(), &aad, entropy)?,
        })
    }

    /// Opens a body; `None` if a key is gone, or it was sealed by others.
    pub(super) fn open(&self, place: Place<'_>, sealed: &SealedBody) -> Option<String> {
        let body_key = self.keys().body_key(place)?;
        let aad = place.encode();
        let own = open(&body_key, &sealed.key, &aad)?;
        let own = Zeroizing::new(<[u8; 32]>::try_from(own.as_slice()).ok()?);
        let text = open(&own, &sealed.text, &aad)?;
        String::from_utf8(text.to_vec()).ok()
    }
}

impl Keys {
    fn has_secret(&self, period: Period) -> bool {
        self.secrets.as_ref().is_none_or(|secrets| secrets.contains_key(&period))
    }

    fn body_key(&self, place: Place<'_>) -> Option<Zeroizing<[u8; 32]>> {
        let (period, conversation) = self.ring.keys(place.period, place.conversation)?;
        let none = Zeroizing::new([0; 32]);
        let secret = match &self.secrets {
            Some(secrets) => secrets.get(&place.period)?,
            None => &none,
        };
        Some(expand(&[period.as_slice(), secret.as_slice(), conversation.as_slice()], LABEL, &[]))
    }
}

impl Place<'_> {
    fn encode(&self) -> Vec<u8> {
        let number = self.number.get().to_be_bytes();
        [self.conversation.as_bytes().as_slice(), &number, &self.period.minutes().to_be_bytes()].concat()
    }
}

/// Nonce 24 ‖ XChaCha20-Poly1305.
fn seal(key: &[u8; 32], bytes: &[u8], aad: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce).map_err(|_| VaultError::NoEntropy)?;
    let sealed = XChaCha20Poly1305::new(Key::from_slice(key))
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: bytes, aad })
        .expect("a text is within the cipher's bound");
    Ok([nonce.as_slice(), sealed.as_slice()].concat())
}

fn open(key: &[u8; 32], sealed: &[u8], aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let cipher = XChaCha20Poly1305::new(Key::from_slice(key));
    cipher.decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad }).ok().map(Zeroizing::new)
}

const NONCE_BYTES: usize = 24;
const LABEL: &[u8] = b"Wardline 1.0 message body";
