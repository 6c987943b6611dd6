//! A cursor over bytes in TLS presentation language (RFC 9420 §2.1): borrows, copies nothing.

use wardline_proto::fault;

use super::MlsError;

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], MlsError> {
        // The mutant that the fuzz targets must find: a length that is believed.
        if fault::planted("mutant.unchecked_length") {
            let (taken, rest) = self.0.split_at(length);
            self.0 = rest;
            return Ok(taken);
        }
        let (taken, rest) = self.0.split_at_checked(length).ok_or(MlsError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MlsError> {
        self.take(N)?.try_into().map_err(|_| MlsError::Malformed)
    }

    pub(super) fn u8(&mut self) -> Result<u8, MlsError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, MlsError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, MlsError> {
        self.array().map(u64::from_be_bytes)
    }

    /// `opaque<V>`: a variable-length vector with its length before it, in the least number of bytes.
    pub(super) fn vector(&mut self) -> Result<&'a [u8], MlsError> {
        let length = self.length()?;
        self.take(length)
    }

    /// RFC 9420 §2.1.2: two bits say how long the length is; a longer form than needed is an error.
    fn length(&mut self) -> Result<usize, MlsError> {
        let first = self.u8()?;
        let low = u32::from(first & 0x3f);
        let (length, least) = match first >> 6 {
            0 => (low, 0),
            1 => (low << 8 | u32::from(self.u8()?), 1 << 6),
            2 => {
                let [b, c, d] = self.array()?;
                (u32::from_be_bytes([first & 0x3f, b, c, d]), 1 << 14)
            }
            _ => return Err(MlsError::Malformed),
        };
        if length < least {
            return Err(MlsError::Malformed);
        }
        usize::try_from(length).map_err(|_| MlsError::Malformed)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), MlsError> {
        if self.is_empty() { Ok(()) } else { Err(MlsError::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_in_more_bytes_than_needed_is_refused() {
        assert_eq!(Reader::new(&[1, 9]).vector(), Ok(&[9][..]));
        assert_eq!(Reader::new(&[0x40, 1, 9]).vector(), Err(MlsError::Malformed));
        assert_eq!(Reader::new(&[0x80, 0, 0, 1, 9]).vector(), Err(MlsError::Malformed));
        assert_eq!(Reader::new(&[0xc0, 0, 0, 0, 0, 0, 0, 1, 9]).vector(), Err(MlsError::Malformed));
        let mut long = vec![0x40, 64];
        long.extend([7; 64]);
        assert_eq!(Reader::new(&long).vector(), Ok(&[7; 64][..]));
    }
}
