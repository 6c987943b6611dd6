//! What a vault's header says of the relay's half: which pair, and how the relay is reached before the vault is open.

use wardline_identity::{RootFingerprint, SigningKey};
use wardline_proto::{DeviceId, PairId};

use super::VaultError;

/// The longest pair: a user id and a few addresses are some hundred bytes.
const BYTES_MAX: usize = 16 * 1024;

/// The most addresses of a relay.
const ADDRESSES_MAX: usize = 16;

/// Whose a vault is. In the clear, like what is written on the back of a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultOwner {
    /// The device.
    pub device: DeviceId,
    /// Its user.
    pub user: String,
}

/// A vault's half of a pair. In the clear: whoever has it may try passcodes at the relay, which counts.
#[derive(Clone)]
pub struct VaultPair {
    /// Chosen by the device.
    pub(crate) id: PairId,
    /// What the relay's proofs are checked against.
    pub(crate) public: [u8; 32],
    /// Signs tries.
    pub(crate) unlock_key: SigningKey,
    /// Whose vault it is.
    pub(crate) owner: VaultOwner,
    /// The relay is believed by this root.
    pub(crate) root: RootFingerprint,
    /// Where the relay is, "host:port".
    pub(crate) addresses: Vec<String>,
}

impl VaultPair {
    /// Id 16 ‖ public key 32 ‖ seed of the unlock key 32 ‖ SHA-256 of the root 32 ‖ device 16 ‖ length of the user u16 ‖ user ‖ addresses,
    /// one a line.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend_from_slice(&self.public);
        bytes.extend_from_slice(self.unlock_key.seed().as_slice());
        bytes.extend_from_slice(self.root.as_bytes());
        bytes.extend_from_slice(self.owner.device.as_bytes());
        let user = self.owner.user.as_bytes();
        bytes.extend_from_slice(&u16::try_from(user.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(user);
        bytes.extend_from_slice(self.addresses.join("\n").as_bytes());
        bytes
    }

    /// Whether it can be written.
    ///
    /// # Errors
    /// [`VaultError::PairTooLong`].
    pub(super) fn check(self) -> Result<Self, VaultError> {
        let fits = self.encode().len() <= BYTES_MAX && self.addresses.len() <= ADDRESSES_MAX;
        if fits { Ok(self) } else { Err(VaultError::PairTooLong) }
    }

    /// # Errors
    /// [`VaultError::Corrupt`].
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
        let (id, rest) = bytes.split_first_chunk::<16>().ok_or_else(corrupt)?;
        let (public, rest) = rest.split_first_chunk::<32>().ok_or_else(corrupt)?;
        let (seed, rest) = rest.split_first_chunk::<32>().ok_or_else(corrupt)?;
        let (root, rest) = rest.split_first_chunk::<32>().ok_or_else(corrupt)?;
        let (device, rest) = rest.split_first_chunk::<16>().ok_or_else(corrupt)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(corrupt)?;
        let (user, addresses) =
            rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(corrupt)?;
        let lines = text(addresses)?;
        let addresses: Vec<&str> = if lines.is_empty() { Vec::new() } else { lines.split('\n').collect() };
        if addresses.len() > ADDRESSES_MAX {
            return Err(corrupt());
        }
        Ok(Self {
            id: PairId::from_bytes(*id),
            public: *public,
            unlock_key: SigningKey::from_seed(*seed),
            root: RootFingerprint::from_bytes(*root),
            owner: VaultOwner { device: DeviceId::from_bytes(*device), user: text(user)?.to_owned() },
            addresses: addresses.into_iter().map(str::to_owned).collect(),
        })
    }
}

fn text(bytes: &[u8]) -> Result<&str, VaultError> {
    std::str::from_utf8(bytes).map_err(|_| corrupt())
}

fn corrupt() -> VaultError {
    VaultError::Corrupt { file: "header" }
}
