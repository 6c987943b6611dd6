//! The secret of a period, and each device's share of it.

use hkdf::Hkdf;
use sha2::Sha256;
use wardline_identity::{Entropy, EntropyError};
use wardline_proto::{DeviceId, Period};
use zeroize::Zeroizing;

/// The relay's secret of one period, 32 bytes. Wiped when dropped; has no `Debug`.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

/// What one device is given of it, 32 bytes.
pub type Share = Zeroizing<[u8; 32]>;

impl Secret {
    /// Draws one.
    ///
    /// # Errors
    /// [`EntropyError`].
    pub fn draw(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut secret = Zeroizing::new([0; 32]);
        entropy.fill(secret.as_mut_slice())?;
        Ok(Self(secret))
    }

    /// As it was stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// As it is stored.
    #[must_use]
    pub fn to_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A device's share: HKDF-SHA256 (RFC 5869) of the secret for the device and the period's end in minutes. Who has one learns nothing
    /// about another's.
    #[must_use]
    pub fn share(&self, device: DeviceId, period: Period) -> Share {
        let mut share = Zeroizing::new([0; 32]);
        let info = [LABEL, device.as_bytes(), &period.minutes().to_be_bytes()];
        let hkdf = Hkdf::<Sha256>::new(None, self.0.as_slice());
        hkdf.expand_multi_info(&info, share.as_mut_slice()).expect("HKDF-SHA256 gives up to 8,160 bytes");
        share
    }
}

const LABEL: &[u8] = b"Wardline 1.0 period secret";
