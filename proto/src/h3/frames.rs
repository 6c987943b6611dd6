//! A look at the frames of a request stream before `h3` sees them.
//!
//! `h3` 0.0.8 trusts three things that a peer decides: it buffers a whole HEADERS frame of any claimed length, it
//! takes an empty DATA frame for the end of the body, and it panics when a stream ends inside a DATA frame. The
//! guard refuses the first, leaves out the second and reports the third. It keeps a header's few bytes and nothing
//! else (RFC 9114 §7.1).

use std::{collections::VecDeque, fmt};

use bytes::{Buf as _, Bytes};

/// A request stream whose frames cannot be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameFault {
    /// A frame other than DATA is longer than any of ours can be.
    TooLong,
    /// The stream ended inside a frame.
    Truncated,
    /// A stream that carries no messages has carried too much.
    TooMuch,
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "an HTTP/3 frame is longer than allowed",
            Self::Truncated => "an HTTP/3 stream ended inside a frame",
            Self::TooMuch => "an HTTP/3 control stream carried more than allowed",
        })
    }
}

impl std::error::Error for FrameFault {}

/// The longest frame that is not DATA: a compressed header block is never much longer than what it expands to.
const FRAME_BYTES_MAX: u64 = 2 * super::FIELD_SECTION_BYTES_MAX as u64;

/// RFC 9114 §7.2.1.
const DATA: u64 = 0x00;

/// Type and length of a frame: two variable-length integers of at most eight bytes.
const HEADER_BYTES_MAX: usize = 16;

/// Where the next byte of the stream belongs.
#[derive(Debug)]
pub(super) struct FrameGuard {
    /// The part of a frame's header that has arrived.
    header: [u8; HEADER_BYTES_MAX],
    header_length: usize,
    /// How much of the current frame's payload is still to come.
    payload: u64,
    /// Checked, waiting to be read.
    pieces: VecDeque<Bytes>,
}

impl FrameGuard {
    pub(super) fn new() -> Self {
        Self { header: [0; HEADER_BYTES_MAX], header_length: 0, payload: 0, pieces: VecDeque::new() }
    }

    /// The next bytes that `h3` may see.
    pub(super) fn next_piece(&mut self) -> Option<Bytes> {
        self.pieces.pop_front()
    }

    /// Takes what has arrived.
    pub(super) fn push(&mut self, mut arrived: Bytes) -> Result<(), FrameFault> {
        while let Some(&byte) = arrived.first() {
            if self.payload > 0 {
                // Cannot fail: the smaller of the two is no larger than a length in memory.
                let taken = usize::try_from(self.payload).unwrap_or(usize::MAX).min(arrived.len());
                self.pieces.push_back(arrived.split_to(taken));
                self.payload -= taken as u64;
            } else {
                arrived.advance(1);
                self.push_header(byte)?;
            }
        }
        Ok(())
    }

    /// The stream has ended.
    pub(super) fn finish(&self) -> Result<(), FrameFault> {
        if self.payload == 0 && self.header_length == 0 { Ok(()) } else { Err(FrameFault::Truncated) }
    }

    fn push_header(&mut self, byte: u8) -> Result<(), FrameFault> {
        // Cannot run over: two integers are complete after 16 bytes at the latest.
        let Some(space) = self.header.get_mut(self.header_length) else { return Err(FrameFault::TooLong) };
        *space = byte;
        self.header_length += 1;
        let header = &self.header[..self.header_length];
        let Some((kind, rest)) = variable_length_integer(header) else { return Ok(()) };
        let Some((length, _)) = variable_length_integer(rest) else { return Ok(()) };
        if kind != DATA && length > FRAME_BYTES_MAX {
            return Err(FrameFault::TooLong);
        }
        if kind != DATA || length > 0 {
            self.pieces.push_back(Bytes::copy_from_slice(header));
        }
        self.payload = length;
        self.header_length = 0;
        Ok(())
    }
}

/// Reads one integer (RFC 9000 §16); `None` while it is incomplete.
fn variable_length_integer(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = 1_usize << (bytes.first()? >> 6);
    let (integer, rest) = bytes.split_at_checked(length)?;
    let (first, others) = integer.split_first()?;
    let value = others.iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(guard: &mut FrameGuard) -> Vec<u8> {
        std::iter::from_fn(|| guard.next_piece()).flatten().collect()
    }

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).expect("a short payload") | 0x4000;
        [&[kind], &length.to_be_bytes()[..], payload].concat()
    }

    #[test]
    fn whole_frames_pass_unchanged_however_they_are_cut() {
        let stream = [frame(1, b"headers"), frame(0, b"some data"), frame(1, b"trailers")].concat();
        for size in 1..=stream.len() {
            let mut guard = FrameGuard::new();
            for chunk in stream.chunks(size) {
                guard.push(Bytes::copy_from_slice(chunk)).expect("well-formed");
            }
            assert_eq!(guard.finish(), Ok(()));
            assert_eq!(passed(&mut guard), stream);
        }
    }

    #[test]
    fn an_empty_data_frame_is_left_out() {
        let mut guard = FrameGuard::new();
        guard.push([frame(0, b""), frame(0, b"x")].concat().into()).expect("well-formed");
        assert_eq!(passed(&mut guard), frame(0, b"x"));
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_is_reported() {
        let stream = frame(0, b"some data");
        for length in 1..stream.len() {
            let mut guard = FrameGuard::new();
            guard.push(Bytes::copy_from_slice(&stream[..length])).expect("so far well-formed");
            assert_eq!(guard.finish(), Err(FrameFault::Truncated), "after {length} bytes");
        }
    }

    #[test]
    fn a_header_block_that_claims_to_be_huge_is_refused_before_it_is_read() {
        for kind in [0x01, 0x04, 0x21] {
            let claim = [&[kind, 0xc0][..], &[0, 0, 0, 0xff, 0xff, 0xff, 0xff]].concat();
            assert_eq!(FrameGuard::new().push(claim.into()), Err(FrameFault::TooLong), "type {kind}");
        }
        let control = [&[0x00, 0xc0][..], &[0, 0, 0, 0xff, 0xff, 0xff, 0xff]].concat();
        assert_eq!(FrameGuard::new().push(control.into()), Ok(()), "DATA may be long: it is not buffered");
    }
}
