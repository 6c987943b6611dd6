//! The passcode: what the person types, held only in memory that is wiped.

use std::fmt;

use zeroize::Zeroizing;

use super::VaultError;

/// A passcode. Wiped when dropped; never shown.
#[derive(Clone)]
pub struct Passcode(Zeroizing<String>);

impl Passcode {
    /// Takes over a passcode of 1 to 1,024 bytes, as typed: no trimming, no normalisation.
    ///
    /// # Errors
    /// [`VaultError::PasscodeLength`].
    pub fn new(text: String) -> Result<Self, VaultError> {
        let text = Zeroizing::new(text);
        if text.is_empty() || text.len() > BYTES_MAX {
            return Err(VaultError::PasscodeLength);
        }
        Ok(Self(text))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(…)")
    }
}

/// Long enough for any passphrase, short enough to bound what a caller can make us hash.
const BYTES_MAX: usize = 1024;
