//! How rows are encoded: MessagePack with field names, so that a field added by a newer openmls does not
//! break old rows.
//!
//! The buffers hold private keys: they are wiped when dropped, and also when they grow.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::StoreError;

/// Encodes a value into memory that is wiped.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let mut buffer = WipedBuffer(Zeroizing::new(Vec::with_capacity(FIRST_BYTES)));
    rmp_serde::encode::write_named(&mut buffer, value)?;
    Ok(buffer.0)
}

/// Decodes a value.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    Ok(rmp_serde::from_slice(bytes)?)
}

/// A buffer that leaves no copy behind when it grows.
struct WipedBuffer(Zeroizing<Vec<u8>>);

impl io::Write for WipedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(self.0.capacity() * 2)));
            larger.extend_from_slice(&self.0);
            // The smaller buffer is wiped here.
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Holds the message secrets of a small group.
const FIRST_BYTES: usize = 4096;
