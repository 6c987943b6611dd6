//! One QUIC stream as `h3` wants it.
//!
//! A request stream's halves end in one of three ways: finished, reset, or dropped. Dropped means cancelled: the
//! sending half is reset and the receiving half stopped, so that the peer notices at once and never takes a part
//! for the whole.

use std::{
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use futures::future::BoxFuture;
use h3::{
    error::Code,
    quic::{self, StreamErrorIncoming, StreamId, WriteBuf},
};
use quinn::VarInt;
use tokio::io::ReadBuf;

use super::{
    error::{misuse, read_error, write_error},
    frames::{FrameFault, FrameGuard},
};

/// Resolves when the peer no longer wants a stream, when it has everything of a finished one, or when the
/// connection is gone.
pub type Stopped = BoxFuture<'static, Result<Option<VarInt>, quinn::StoppedError>>;

/// How much is read from a stream at once; lives on the stack, so an idle stream holds no buffer.
const CHUNK_BYTES: usize = 8 * 1024;

/// What a stream without messages (control, QPACK) may carry in its life: settings and a few frames that mean
/// nothing to us. `h3` buffers such frames whole.
const CONTROL_BYTES_MAX: u64 = 1024 * 1024;

/// The id as `h3` has it; fails for no id that quinn gives out.
fn stream_id(id: quinn::StreamId) -> Result<StreamId, StreamErrorIncoming> {
    u64::from(id).try_into().map_err(|_| misuse("a stream id beyond QUIC's range"))
}

fn code(code: u64) -> VarInt {
    VarInt::from_u64(code).unwrap_or(VarInt::MAX)
}

/// The sending half.
pub struct SendStream {
    stream: quinn::SendStream,
    id: StreamId,
    /// What `h3` handed over last, until it is written.
    writing: Option<WriteBuf<Bytes>>,
    /// Reset it when it is dropped: set for requests that are neither finished nor reset.
    unfinished: bool,
}

impl SendStream {
    pub(super) fn request(stream: quinn::SendStream) -> Result<Self, StreamErrorIncoming> {
        Ok(Self { id: stream_id(stream.id())?, stream, writing: None, unfinished: true })
    }

    pub(super) fn control(stream: quinn::SendStream) -> Result<Self, StreamErrorIncoming> {
        Ok(Self { id: stream_id(stream.id())?, stream, writing: None, unfinished: false })
    }

    /// When the peer stops this stream; see [`Stopped`].
    #[must_use]
    pub fn stopped(&self) -> Stopped {
        Box::pin(self.stream.stopped())
    }
}

impl quic::SendStream<Bytes> for SendStream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        while let Some(writing) = &mut self.writing {
            if !writing.has_remaining() {
                self.writing = None;
                break;
            }
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, writing.chunk()));
            writing.advance(written.map_err(write_error)?);
        }
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        if self.writing.is_some() {
            return Err(misuse("data handed to a stream that is not ready"));
        }
        self.writing = Some(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        ready!(self.poll_ready(cx))?;
        self.unfinished = false;
        Poll::Ready(self.stream.finish().map_err(|closed| StreamErrorIncoming::Unknown(Box::new(closed))))
    }

    fn reset(&mut self, reset_code: u64) {
        self.unfinished = false;
        // Fails only where there is nothing left to reset.
        let _ = self.stream.reset(code(reset_code));
    }

    fn send_id(&self) -> StreamId {
        self.id
    }
}

impl Drop for SendStream {
    fn drop(&mut self) {
        if self.unfinished {
            let _ = self.stream.reset(code(Code::H3_REQUEST_CANCELLED.value()));
        }
    }
}

/// What is looked at in what arrives.
enum Inspection {
    /// A request or response: its frames.
    Frames(FrameGuard),
    /// A control stream: how much there may still be.
    Budget(u64),
}

/// The receiving half.
pub struct RecvStream {
    stream: quinn::RecvStream,
    id: StreamId,
    inspection: Inspection,
    /// What to stop it with when it is dropped before its end.
    cancel: Option<Code>,
}

impl RecvStream {
    /// `cancel` is what the peer hears when the rest is not wanted.
    pub(super) fn request(stream: quinn::RecvStream, cancel: Code) -> Result<Self, StreamErrorIncoming> {
        let inspection = Inspection::Frames(FrameGuard::new());
        Ok(Self { id: stream_id(stream.id())?, stream, inspection, cancel: Some(cancel) })
    }

    pub(super) fn control(stream: quinn::RecvStream) -> Result<Self, StreamErrorIncoming> {
        let inspection = Inspection::Budget(CONTROL_BYTES_MAX);
        Ok(Self { id: stream_id(stream.id())?, stream, inspection, cancel: None })
    }

    fn refuse(&mut self, fault: FrameFault) -> StreamErrorIncoming {
        self.stop(Code::H3_EXCESSIVE_LOAD.value());
        StreamErrorIncoming::Unknown(Box::new(fault))
    }

    fn stop(&mut self, error_code: u64) {
        self.cancel = None;
        // Fails only where there is nothing left to stop.
        let _ = self.stream.stop(code(error_code));
    }

    fn inspect(&mut self, arrived: &[u8]) -> Result<Option<Bytes>, FrameFault> {
        let arrived = Bytes::copy_from_slice(arrived);
        match &mut self.inspection {
            Inspection::Frames(guard) => {
                guard.push(arrived)?;
                Ok(guard.next_piece())
            }
            Inspection::Budget(left) => {
                *left = left.checked_sub(arrived.len() as u64).ok_or(FrameFault::TooMuch)?;
                Ok(Some(arrived))
            }
        }
    }

    fn inspect_end(&mut self) -> Result<(), FrameFault> {
        match &self.inspection {
            Inspection::Frames(guard) => guard.finish(),
            Inspection::Budget(_) => Ok(()),
        }
    }
}

impl quic::RecvStream for RecvStream {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        if let Inspection::Frames(guard) = &mut self.inspection
            && let Some(piece) = guard.next_piece()
        {
            return Poll::Ready(Ok(Some(piece)));
        }
        let mut space = [MaybeUninit::uninit(); CHUNK_BYTES];
        loop {
            let mut buffer = ReadBuf::uninit(&mut space);
            ready!(self.stream.poll_read_buf(cx, &mut buffer)).map_err(read_error)?;
            if buffer.filled().is_empty() {
                self.cancel = None;
                return Poll::Ready(self.inspect_end().map(|()| None).map_err(|fault| self.refuse(fault)));
            }
            match self.inspect(buffer.filled()) {
                Ok(None) => {} // only part of a frame's header so far
                Ok(piece) => return Poll::Ready(Ok(piece)),
                Err(fault) => return Poll::Ready(Err(self.refuse(fault))),
            }
        }
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.stop(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.id
    }
}

impl Drop for RecvStream {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel {
            self.stop(cancel.value());
        }
    }
}

/// Both halves of a request.
pub struct BidiStream {
    send: SendStream,
    recv: RecvStream,
}

impl BidiStream {
    pub(super) fn new(send: SendStream, recv: RecvStream) -> Self {
        Self { send, recv }
    }
}

impl quic::BidiStream<Bytes> for BidiStream {
    type SendStream = SendStream;
    type RecvStream = RecvStream;

    fn split(self) -> (SendStream, RecvStream) {
        (self.send, self.recv)
    }
}

impl quic::RecvStream for BidiStream {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.recv.poll_data(cx)
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.recv.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.recv.recv_id()
    }
}

impl quic::SendStream<Bytes> for BidiStream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.send.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_finish(cx)
    }

    fn reset(&mut self, reset_code: u64) {
        self.send.reset(reset_code);
    }

    fn send_id(&self) -> StreamId {
        self.send.send_id()
    }
}
