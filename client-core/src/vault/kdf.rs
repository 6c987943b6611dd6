//! From passcode to key: Argon2id (RFC 9106), then HKDF-SHA256 with a label of ours.
//!
//! The cost is stored beside the vault in the clear, so it is checked against a floor and a ceiling both when
//! a vault is made and when it is opened: a thief who lowers it must not get cheaper guesses, nor a saboteur
//! an endless one.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use hkdf::HkdfExtract;
use sha2::Sha256;
use wardline_proto::fault;
use zeroize::{Zeroize as _, Zeroizing};

use super::{OpenTry, Passcode, VaultError};

/// What one guess of a passcode costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KdfCost {
    /// Memory in KiB. Default 65,536 (64 MiB), floor 19,456 (19 MiB).
    pub memory_kib: u32,
    /// Passes over the memory. Default 3, floor 2.
    pub time: u32,
    /// Lanes; computed one after the other. Default and floor 1.
    pub lanes: u32,
}

impl Default for KdfCost {
    /// RFC 9106 §4, second recommendation: 64 MiB, 3 passes; one lane, because phones and clinic machines are
    /// busy.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, time: 3, lanes: 1 }
    }
}

impl KdfCost {
    /// The least cost a vault is made or opened with: 19 MiB, 2 passes (OWASP's floor for Argon2id).
    #[must_use]
    pub const fn floor() -> Self {
        Self { memory_kib: 19 * 1024, time: 2, lanes: 1 }
    }

    /// What scenes without a thief pay.
    const fn trifle() -> Self {
        Self { memory_kib: 8, time: 1, lanes: 1 }
    }

    /// # Errors
    /// [`VaultError::CostOutOfBounds`] below the floor or beyond 4 GiB, 64 passes, 16 lanes.
    pub(super) fn check(self) -> Result<Self, VaultError> {
        let floor = if fault::planted("simulation.cheap_passcodes") { Self::trifle() } else { Self::floor() };
        let enough =
            self.memory_kib >= floor.memory_kib && self.time >= floor.time && self.lanes >= floor.lanes;
        let bounded = self.memory_kib <= 4 * 1024 * 1024 && self.time <= 64 && self.lanes <= 16;
        if enough && bounded { Ok(self) } else { Err(VaultError::CostOutOfBounds) }
    }

    /// Stretches a passcode. Takes a good part of a second: call it where blocking is fine.
    ///
    /// # Errors
    /// [`VaultError::CostOutOfBounds`], [`VaultError::NoMemory`].
    pub(super) fn stretch(
        self,
        passcode: &Passcode,
        salt: &[u8; SALT_BYTES],
    ) -> Result<Stretched, VaultError> {
        let cost = self.check()?;
        let params = Params::new(cost.memory_kib, cost.time, cost.lanes, Some(KEY_BYTES))
            .map_err(|_| VaultError::CostOutOfBounds)?;
        let mut memory: Vec<Block> = Vec::new();
        memory.try_reserve_exact(params.block_count()).map_err(|_| VaultError::NoMemory)?;
        memory.resize(params.block_count(), Block::new());
        let mut stretched = Zeroizing::new([0; KEY_BYTES]);
        let outcome = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(passcode.as_bytes(), salt, stretched.as_mut_slice(), &mut memory);
        memory.iter_mut().for_each(|block| block.zeroize());
        outcome.map_err(|_| VaultError::CostOutOfBounds)?;
        Ok(Stretched(stretched))
    }
}

/// A passcode, stretched. Wiped when dropped; has no `Debug`.
pub(crate) struct Stretched(Zeroizing<[u8; KEY_BYTES]>);

impl Stretched {
    /// The key that seals the keyring of a vault without a pair.
    pub(crate) fn alone(&self) -> SealingKey {
        expand(&[self.0.as_slice()], ALONE_LABEL, &[])
    }

    /// The key that seals the keyring, with what came out of the relay's evaluation.
    pub(crate) fn with(&self, evaluated: &[u8; 64]) -> SealingKey {
        expand(&[self.0.as_slice(), evaluated], PAIRED_LABEL, &[])
    }

    /// What this passcode is blinded with in this try: the same after a crash, so that the same try is the same to the relay. The try's
    /// secret is never sent and goes with the try: who has recorded what was sent cannot test guesses with this disk later.
    pub(crate) fn blinding(&self, open: &OpenTry) -> Zeroizing<[u8; KEY_BYTES]> {
        expand(&[self.0.as_slice(), open.secret.as_slice()], BLINDING_LABEL, open.id.as_bytes())
    }
}

/// HKDF-SHA256 without salt over `from`; `info` is the label and what it is for.
pub(super) fn expand(from: &[&[u8]], label: &[u8], of: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut extract = HkdfExtract::<Sha256>::new(None);
    from.iter().for_each(|part| extract.input_ikm(part));
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let (_, hkdf) = extract.finalize();
    hkdf.expand_multi_info(&[label, of], key.as_mut_slice()).expect("HKDF-SHA256 gives up to 8,160 bytes");
    key
}

/// Seals the keyring.
pub(crate) type SealingKey = Zeroizing<[u8; KEY_BYTES]>;

pub(super) const SALT_BYTES: usize = 32;
const KEY_BYTES: usize = 32;

/// Tell the uses of the stretched passcode apart.
const ALONE_LABEL: &[u8] = b"Wardline 1.0 vault keyring by passcode";
const PAIRED_LABEL: &[u8] = b"Wardline 1.0 vault keyring by passcode and relay";
const BLINDING_LABEL: &[u8] = b"Wardline 1.0 vault try";
