//! `vault.periods`: the keys of periods and conversations, which come and go; sealed under a key of the keyring's.
//!
//! Nonce 24 ‖ XChaCha20-Poly1305. Inside: format u16 ‖ number of periods u32 ‖ (end in minutes u32 ‖ key 32) … ‖ number of conversations u32 ‖
//! (id 16 ‖ key 32) …. It is written whole or not at all: a key is on the disk before anything is sealed under it, and gone from it before
//! the rows that it opened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};
use wardline_identity::Entropy;
use wardline_proto::{ConversationId, Period, UtcMillis, fault};
use zeroize::Zeroizing;

use super::VaultError;
use super::files::{read_at_most, write_atomically};
use super::kdf::expand;
use super::keyring::Keyring;

/// A key, wiped when dropped.
pub(super) type PeriodKey = Zeroizing<[u8; 32]>;

/// The keys, opened. Has no `Debug`.
pub(super) struct PeriodRing {
    file: PathBuf,
    sealing: Zeroizing<[u8; 32]>,
    periods: BTreeMap<Period, PeriodKey>,
    conversations: BTreeMap<ConversationId, PeriodKey>,
    /// Whether the file has keys that are destroyed.
    owed: bool,
}

impl PeriodRing {
    /// Reads the keys; a vault that never had any has no file.
    ///
    /// # Errors
    /// [`VaultError::Corrupt`], [`VaultError::NewerVersion`] and trouble with the disk.
    pub(super) fn read(file: &Path, keyring: &Keyring) -> Result<Self, VaultError> {
        Self::empty(file, expand(&[keyring.database_key.as_slice()], LABEL, &[])).filled()
    }

    /// The keys as they are on the disk now.
    pub(super) fn read_again(&self) -> Result<Self, VaultError> {
        Self::empty(&self.file, self.sealing.clone()).filled()
    }

    pub(super) fn empty(file: &Path, sealing: Zeroizing<[u8; 32]>) -> Self {
        let (periods, conversations) = (BTreeMap::new(), BTreeMap::new());
        Self { file: file.to_owned(), sealing, periods, conversations, owed: false }
    }

    fn filled(mut self) -> Result<Self, VaultError> {
        if let Some(sealed) = read_at_most(&self.file, BYTES_MAX, "periods")? {
            self.open(&sealed)?;
        }
        Ok(self)
    }

    /// How long the database's write-ahead log is, which lies beside it.
    pub(super) fn log_bytes(&self) -> Result<u64, VaultError> {
        match std::fs::metadata(self.file.with_file_name("vault.db-wal")) {
            Ok(log) => Ok(log.len()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// The periods that have a key.
    pub(super) fn periods(&self) -> impl Iterator<Item = Period> {
        self.periods.keys().copied()
    }

    /// Whether a period is over whose key is here, or still on the disk.
    pub(super) fn has_over(&self, now: UtcMillis) -> bool {
        self.owed || self.periods.first_key_value().is_some_and(|(period, _)| period.is_over(now))
    }

    /// The keys of a period and a conversation, if they are there.
    pub(super) fn keys(
        &self,
        period: Period,
        conversation: &ConversationId,
    ) -> Option<(&PeriodKey, &PeriodKey)> {
        Some((self.periods.get(&period)?, self.conversations.get(conversation)?))
    }

    /// Makes the keys of a period and a conversation if they are not there: on the disk when this returns.
    ///
    /// # Errors
    /// [`VaultError::NoEntropy`] and trouble with the disk, with nothing made.
    pub(super) fn make(
        &mut self,
        period: Period,
        conversation: &ConversationId,
        entropy: &dyn Entropy,
    ) -> Result<(), VaultError> {
        if self.keys(period, conversation).is_some() {
            return Ok(());
        }
        let fresh = (!self.periods.contains_key(&period), !self.conversations.contains_key(conversation));
        let drawn = (draw(entropy)?, draw(entropy)?);
        fresh.0.then(|| self.periods.insert(period, drawn.0));
        fresh.1.then(|| self.conversations.insert(*conversation, drawn.1));
        let written = self.write(entropy);
        if written.is_err() {
            // What is not on the disk seals nothing.
            fresh.0.then(|| self.periods.remove(&period));
            fresh.1.then(|| self.conversations.remove(conversation));
        }
        written
    }

    /// Destroys the keys of periods that are over; says how many. They are gone from the disk when this returns.
    ///
    /// # Errors
    /// [`VaultError::NoEntropy`] and trouble with the disk: then they are gone from memory all the same, and the next call tries again.
    pub(super) fn destroy(&mut self, now: UtcMillis, entropy: &dyn Entropy) -> Result<usize, VaultError> {
        let before = self.periods.len();
        if !fault::planted("mutant.period_key_kept") {
            self.periods.retain(|period, _| !period.is_over(now));
        }
        let destroyed = before - self.periods.len();
        self.owed |= destroyed > 0;
        if self.owed {
            self.write(entropy)?;
            self.owed = false;
        }
        Ok(destroyed)
    }

    /// Destroys the keys of conversations that nothing is sealed under any more; as [`PeriodRing::destroy`].
    pub(super) fn forget_conversations(
        &mut self,
        sealed: &BTreeSet<ConversationId>,
        entropy: &dyn Entropy,
    ) -> Result<(), VaultError> {
        let before = self.conversations.len();
        self.conversations.retain(|conversation, _| sealed.contains(conversation));
        self.owed |= self.conversations.len() < before;
        if self.owed {
            self.write(entropy)?;
            self.owed = false;
        }
        Ok(())
    }

    fn write(&self, entropy: &dyn Entropy) -> Result<(), VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce).map_err(|_| VaultError::NoEntropy)?;
        let sealed = XChaCha20Poly1305::new(Key::from_slice(self.sealing.as_slice()))
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: self.encode().as_slice(), aad: LABEL })
            .expect("the keys of some thousand periods are within the cipher's bound");
        write_atomically(&self.file, &[nonce.as_slice(), sealed.as_slice()].concat())
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let length = 10 + 36 * self.periods.len() + 48 * self.conversations.len();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.extend_from_slice(&FORMAT.to_be_bytes());
        bytes.extend_from_slice(&count(self.periods.len()).to_be_bytes());
        for (period, key) in &self.periods {
            bytes.extend_from_slice(&period.minutes().to_be_bytes());
            bytes.extend_from_slice(key.as_slice());
        }
        bytes.extend_from_slice(&count(self.conversations.len()).to_be_bytes());
        for (conversation, key) in &self.conversations {
            bytes.extend_from_slice(conversation.as_bytes());
            bytes.extend_from_slice(key.as_slice());
        }
        bytes
    }

    fn open(&mut self, file: &[u8]) -> Result<(), VaultError> {
        let (nonce, sealed) = file.split_first_chunk::<NONCE_BYTES>().ok_or_else(corrupt)?;
        let content = XChaCha20Poly1305::new(Key::from_slice(self.sealing.as_slice()))
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: LABEL })
            .map(Zeroizing::new)
            .map_err(|_| corrupt())?;
        self.decode(&content)
    }

    /// Takes in what [`PeriodRing::encode`] wrote: in ascending order, so that it has one encoding.
    pub(super) fn decode(&mut self, content: &[u8]) -> Result<(), VaultError> {
        let (format, rest) = content.split_first_chunk::<2>().ok_or_else(corrupt)?;
        let format = u16::from_be_bytes(*format);
        if format > FORMAT {
            return Err(VaultError::NewerVersion { found: format.into(), known: FORMAT.into() });
        }
        let (periods, mut rest) = number(rest)?;
        for _ in 0..periods {
            let (minutes, after) = number(rest)?;
            let (key, after) = after.split_first_chunk::<32>().ok_or_else(corrupt)?;
            insert_last(&mut self.periods, Period::from_minutes(minutes), key)?;
            rest = after;
        }
        let (conversations, mut rest) = number(rest)?;
        for _ in 0..conversations {
            let (id, after) = rest.split_first_chunk::<16>().ok_or_else(corrupt)?;
            let (key, after) = after.split_first_chunk::<32>().ok_or_else(corrupt)?;
            insert_last(&mut self.conversations, ConversationId::from_bytes(*id), key)?;
            rest = after;
        }
        if format == FORMAT && rest.is_empty() { Ok(()) } else { Err(corrupt()) }
    }
}

/// Keeps a key that belongs behind all others.
fn insert_last<K: Ord>(keys: &mut BTreeMap<K, PeriodKey>, of: K, key: &[u8; 32]) -> Result<(), VaultError> {
    if keys.last_key_value().is_some_and(|(last, _)| *last >= of) {
        return Err(corrupt());
    }
    keys.insert(of, Zeroizing::new(*key));
    Ok(())
}

fn draw(entropy: &dyn Entropy) -> Result<PeriodKey, VaultError> {
    let mut key = Zeroizing::new([0; 32]);
    entropy.fill(key.as_mut_slice()).map_err(|_| VaultError::NoEntropy)?;
    Ok(key)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn number(bytes: &[u8]) -> Result<(u32, &[u8]), VaultError> {
    let (number, rest) = bytes.split_first_chunk::<4>().ok_or_else(corrupt)?;
    Ok((u32::from_be_bytes(*number), rest))
}

fn corrupt() -> VaultError {
    VaultError::Corrupt { file: "periods" }
}

const FORMAT: u16 = 1;
const NONCE_BYTES: usize = 24;
/// Some 2,500 periods are 90 KiB, and twenty thousand conversations a MiB: no device comes near it.
const BYTES_MAX: u64 = 256 * 1024 * 1024;
const LABEL: &[u8] = b"Wardline 1.0 vault periods";
