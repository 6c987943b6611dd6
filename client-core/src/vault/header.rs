//! `vault.header`: what must be known before the passcode can be tried. In the clear, nothing secret.
//!
//! 128 bytes, big-endian: magic 16 ‖ format u16 ‖ reserved 2 ‖ memory KiB u32 ‖ passes u32 ‖ lanes u32 ‖ salt
//! 32 ‖ SHA-256 of the keyring file 32 ‖ SHA-256 of all before 32. The last digest finds damage, not
//! attackers: whoever changes salt or cost gets another key, and the cost has a floor. The header names its
//! keyring by digest, so that one rename of the header changes both together.

use sha2::{Digest as _, Sha256};

use super::VaultError;
use super::kdf::{KdfCost, SALT_BYTES};

/// The header's content.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) cost: KdfCost,
    pub(super) salt: [u8; SALT_BYTES],
    /// SHA-256 of the keyring file that belongs to this header.
    pub(super) keyring: [u8; 32],
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.sealed_under();
        bytes.extend_from_slice(&self.keyring);
        let check = Sha256::digest(&bytes);
        bytes.extend_from_slice(&check);
        bytes
    }

    /// What the keyring's seal covers: all that decides its key.
    pub(super) fn sealed_under(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_be_bytes());
        bytes.extend_from_slice(&RESERVED);
        for number in [self.cost.memory_kib, self.cost.time, self.cost.lanes] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.salt);
        bytes
    }

    /// # Errors
    /// [`VaultError::Corrupt`], [`VaultError::NewerVersion`], [`VaultError::CostOutOfBounds`].
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
        let corrupt = VaultError::Corrupt { file: "header" };
        let Some((magic, rest)) = bytes.split_first_chunk::<16>() else { return Err(corrupt) };
        let Some((format, _)) = rest.split_first_chunk::<2>() else { return Err(corrupt) };
        if magic != MAGIC {
            return Err(corrupt);
        }
        let format = u16::from_be_bytes(*format);
        if format > FORMAT {
            return Err(VaultError::NewerVersion { found: format.into(), known: FORMAT.into() });
        }
        // Nothing that no seal covers may be anything but what is written here.
        if format != FORMAT || bytes.get(18..20) != Some(&RESERVED) {
            return Err(corrupt);
        }
        let Some((content, check)) = bytes.split_last_chunk::<32>() else { return Err(corrupt) };
        if bytes.len() != HEADER_BYTES || Sha256::digest(content).as_slice() != check {
            return Err(corrupt);
        }
        let number =
            |at: usize| bytes[at..at + 4].iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        let array = |at: usize| {
            let mut array = [0; 32];
            array.copy_from_slice(&bytes[at..at + 32]);
            array
        };
        let cost = KdfCost { memory_kib: number(20), time: number(24), lanes: number(28) }.check()?;
        Ok(Self { cost, salt: array(32), keyring: array(64) })
    }
}

const MAGIC: &[u8; 16] = b"Wardline vault\n\0";
const FORMAT: u16 = 1;
const RESERVED: [u8; 2] = [0; 2];
const HEADER_BYTES: usize = 128;
