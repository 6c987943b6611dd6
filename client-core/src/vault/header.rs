//! `vault.header`: what must be known before a passcode can be tried. In the clear.
//!
//! Big-endian: magic 16 ‖ format u16 ‖ reserved 2 ‖ memory KiB u32 ‖ passes u32 ‖ lanes u32 ‖ salt 32 ‖ length of the pair u16 ‖ pair
//! ([`VaultPair`]; empty for a vault whose device has no certificate yet) ‖ SHA-256 of the keyring file 32 ‖ SHA-256 of all before 32. The
//! last digest finds damage, not attackers: whoever changes salt, cost or pair gets another key, and the cost has a floor. The header names
//! its keyring by digest, so that one rename of the header changes both together.

use sha2::{Digest as _, Sha256};
use wardline_identity::Entropy;

use super::kdf::{KdfCost, SALT_BYTES};
use super::{VaultError, VaultPair};

/// How a keyring is sealed: all that decides its key, beside passcode and relay.
#[derive(Clone)]
pub(crate) struct Sealing {
    /// What a guess costs.
    pub(super) cost: KdfCost,
    /// Drawn for each passcode.
    pub(super) salt: [u8; SALT_BYTES],
    /// What the relay holds; none before there is a certificate.
    pub(super) pair: Option<VaultPair>,
}

impl Sealing {
    /// With a fresh salt, and no pair yet.
    ///
    /// # Errors
    /// [`VaultError::CostOutOfBounds`], [`VaultError::NoEntropy`].
    pub(crate) fn fresh(cost: KdfCost, entropy: &dyn Entropy) -> Result<Self, VaultError> {
        let cost = cost.check()?;
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt).map_err(|_| VaultError::NoEntropy)?;
        Ok(Self { cost, salt, pair: None })
    }

    /// The same with a pair.
    pub(crate) fn paired(self, pair: VaultPair) -> Self {
        Self { pair: Some(pair), ..self }
    }

    /// What the keyring's seal covers.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_be_bytes());
        bytes.extend_from_slice(&RESERVED);
        for number in [self.cost.memory_kib, self.cost.time, self.cost.lanes] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.salt);
        let pair = self.pair.as_ref().map(VaultPair::encode).unwrap_or_default();
        let length = u16::try_from(pair.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&pair);
        bytes
    }
}

/// The header's content.
#[derive(Clone)]
pub(super) struct Header {
    pub(super) sealing: Sealing,
    /// SHA-256 of the keyring file that belongs to this header.
    pub(super) keyring: [u8; 32],
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.sealing.encode();
        bytes.extend_from_slice(&self.keyring);
        let check = Sha256::digest(&bytes);
        bytes.extend_from_slice(&check);
        bytes
    }

    /// # Errors
    /// [`VaultError::Corrupt`], [`VaultError::NewerVersion`], [`VaultError::OlderVersion`], [`VaultError::CostOutOfBounds`].
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
        let (magic, rest) = bytes.split_first_chunk::<16>().ok_or_else(corrupt)?;
        let (format, rest) = rest.split_first_chunk::<2>().ok_or_else(corrupt)?;
        if magic != MAGIC {
            return Err(corrupt());
        }
        match u16::from_be_bytes(*format) {
            FORMAT => {}
            found if found > FORMAT => {
                return Err(VaultError::NewerVersion { found: found.into(), known: FORMAT.into() });
            }
            found => return Err(VaultError::OlderVersion { found: found.into() }),
        }
        let (content, check) = bytes.split_last_chunk::<32>().ok_or_else(corrupt)?;
        // Nothing may be anything but what is written here.
        let (reserved, rest) = rest.split_first_chunk::<2>().ok_or_else(corrupt)?;
        if *reserved != RESERVED || Sha256::digest(content).as_slice() != check {
            return Err(corrupt());
        }
        let (memory_kib, rest) = number(rest)?;
        let (time, rest) = number(rest)?;
        let (lanes, rest) = number(rest)?;
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or_else(corrupt)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(corrupt)?;
        let (pair, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(corrupt)?;
        // The keyring's digest and the check are all that is left.
        let (keyring, rest) = rest.split_first_chunk::<32>().ok_or_else(corrupt)?;
        if rest.len() != check.len() {
            return Err(corrupt());
        }
        let pair = if pair.is_empty() { None } else { Some(VaultPair::decode(pair)?) };
        let cost = KdfCost { memory_kib, time, lanes }.check()?;
        Ok(Self { sealing: Sealing { cost, salt: *salt, pair }, keyring: *keyring })
    }
}

fn number(bytes: &[u8]) -> Result<(u32, &[u8]), VaultError> {
    let (number, rest) = bytes.split_first_chunk::<4>().ok_or_else(corrupt)?;
    Ok((u32::from_be_bytes(*number), rest))
}

fn corrupt() -> VaultError {
    VaultError::Corrupt { file: "header" }
}

const MAGIC: &[u8; 16] = b"Wardline vault\n\0";
const FORMAT: u16 = 3;
const RESERVED: [u8; 2] = [0; 2];
