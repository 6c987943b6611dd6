//! Randomness as a parameter.
//!
//! Keys, ids and serial numbers are drawn from an [`Entropy`], so a whole scene can run from one seed.
//! [`SeededEntropy`] serves tests and the simulation; no flag, variable or file of the product selects it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use crate::EntropyError;

/// Gives bytes nobody can guess.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`EntropyError`] if the source has none to give; `bytes` must then not be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// `array` for trait objects and for both sources: a trait that is used as an object cannot have it itself.
macro_rules! arrays {
    ($($source:ty),*) => {$(
        impl $source {
            /// An array of fresh bytes.
            ///
            /// # Errors
            /// As [`Entropy::fill`].
            pub fn array<const N: usize>(&self) -> Result<[u8; N], EntropyError> {
                let mut bytes = [0; N];
                self.fill(&mut bytes)?;
                Ok(bytes)
            }
        }
    )*};
}

arrays!(dyn Entropy + '_, SystemEntropy, SeededEntropy);

impl<T: Entropy + ?Sized> Entropy for Arc<T> {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        (**self).fill(bytes)
    }
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|_| EntropyError)
    }
}

/// SHA-256(seed ‖ counter), block after block: the same scene again from the same seed. For tests and
/// simulation; whoever knows the seed knows every key.
pub struct SeededEntropy {
    seed: u64,
    blocks: AtomicU64,
}

impl SeededEntropy {
    /// Starts at the first block of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, blocks: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in bytes.chunks_mut(32) {
            let block = self.blocks.fetch_add(1, Ordering::SeqCst);
            let mut hash = Sha256::new();
            hash.update(self.seed.to_be_bytes());
            hash.update(block.to_be_bytes());
            let digest: [u8; 32] = hash.finalize().into();
            chunk.copy_from_slice(&digest[..chunk.len()]);
        }
        Ok(())
    }
}

impl fmt::Debug for SeededEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededEntropy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_without_repetition() {
        let (first, again, other) = (SeededEntropy::new(1), SeededEntropy::new(1), SeededEntropy::new(2));
        let bytes: [u8; 70] = first.array().unwrap();
        assert_eq!(bytes, again.array::<70>().unwrap());
        assert_ne!(bytes, other.array::<70>().unwrap());
        assert_ne!(bytes[..32], bytes[32..64]);
        assert_ne!(bytes, first.array::<70>().unwrap());
    }

    #[test]
    fn arrays_come_through_a_trait_object_too() {
        let source: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        assert_ne!(source.array::<32>().unwrap(), source.as_ref().array::<32>().unwrap());
    }
}
