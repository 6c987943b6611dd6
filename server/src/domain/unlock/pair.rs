//! A pair as the relay keeps it.

use wardline_identity::{OPRF_ELEMENT_BYTES, OprfKey, PublicKey};
use wardline_proto::{DeviceId, PairId, TryId, UtcMillis};

/// One vault's pair. Has no `Debug`: it holds the relay's key.
pub struct Pair {
    /// Chosen by the device.
    pub id: PairId,
    /// Whose it is.
    pub device: DeviceId,
    /// What tries are signed with.
    pub unlock_key: PublicKey,
    /// The relay's key.
    pub key: OprfKey,
    /// How many tries count: made since the vault was opened last.
    pub tries: u32,
    /// The try that came last.
    pub last: Option<LastTry>,
    /// The vault's generation at the last confirmed opening; 0 before the first.
    pub generation: u64,
    /// The try by which it was opened last.
    pub confirmed: Option<TryId>,
}

/// A try that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastTry {
    /// Its id.
    pub id: TryId,
    /// What was evaluated.
    pub blinded: [u8; OPRF_ELEMENT_BYTES],
    /// When it was counted.
    pub at: UtcMillis,
}
