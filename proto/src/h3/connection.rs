//! One QUIC connection as `h3` wants it.

use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use h3::{
    error::Code,
    quic::{self, ConnectionErrorIncoming, StreamErrorIncoming},
};
use quinn::VarInt;

use super::{
    error::{connection_error, connection_lost, misuse},
    stream::{BidiStream, RecvStream, SendStream, Stopped},
};

/// quinn's futures borrow the connection, `h3` polls: so they live in boxed streams, which keep their place in
/// quinn's queues between polls.
type Waiting<T> = Pin<Box<dyn Stream<Item = Result<T, quinn::ConnectionError>> + Send + Sync>>;
type Halves = (quinn::SendStream, quinn::RecvStream);

/// A connection; hand it to `h3::server::builder()` or `h3::client::builder()`.
pub struct Connection {
    opener: Opener,
    requests: Waiting<Halves>,
    controls: Waiting<quinn::RecvStream>,
    stops: StopSignals,
}

impl Connection {
    /// Adapts an established connection.
    #[must_use]
    pub fn new(connection: quinn::Connection) -> Self {
        let requests = stream::unfold(connection.clone(), async |connection| {
            Some((connection.accept_bi().await, connection))
        });
        let controls = stream::unfold(connection.clone(), async |connection| {
            Some((connection.accept_uni().await, connection))
        });
        Self {
            opener: Opener::new(connection),
            requests: Box::pin(requests),
            controls: Box::pin(controls),
            stops: StopSignals::default(),
        }
    }

    /// Where the stop signals of accepted requests are kept until they are taken.
    #[must_use]
    pub fn stop_signals(&self) -> StopSignals {
        self.stops.clone()
    }
}

impl quic::Connection<Bytes> for Connection {
    type RecvStream = RecvStream;
    type OpenStreams = Opener;

    fn poll_accept_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<RecvStream, ConnectionErrorIncoming>> {
        let accepted = ready!(next(&mut self.controls, cx)).map_err(connection_error)?;
        Poll::Ready(RecvStream::control(accepted).map_err(into_connection_error))
    }

    fn poll_accept_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BidiStream, ConnectionErrorIncoming>> {
        let accepted = ready!(next(&mut self.requests, cx)).map_err(connection_error)?;
        // A server that has answered needs no more of the request; that is no error (RFC 9114 §4.1).
        let accepted = request(accepted, Code::H3_NO_ERROR).map_err(into_connection_error)?;
        self.stops.insert(&accepted.0);
        Poll::Ready(Ok(BidiStream::new(accepted.0, accepted.1)))
    }

    fn opener(&self) -> Opener {
        self.opener.clone()
    }
}

impl quic::OpenStreams<Bytes> for Connection {
    type SendStream = SendStream;
    type BidiStream = BidiStream;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<BidiStream, StreamErrorIncoming>> {
        self.opener.poll_open_bidi(cx)
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<SendStream, StreamErrorIncoming>> {
        self.opener.poll_open_send(cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.opener.close(code, reason);
    }
}

/// Opens streams on a connection.
pub struct Opener {
    connection: quinn::Connection,
    requests: Waiting<Halves>,
    controls: Waiting<quinn::SendStream>,
}

impl Opener {
    fn new(connection: quinn::Connection) -> Self {
        let requests = stream::unfold(connection.clone(), async |connection| {
            Some((connection.open_bi().await, connection))
        });
        let controls = stream::unfold(connection.clone(), async |connection| {
            Some((connection.open_uni().await, connection))
        });
        Self { connection, requests: Box::pin(requests), controls: Box::pin(controls) }
    }
}

impl Clone for Opener {
    /// A clone waits in its own place of the queue.
    fn clone(&self) -> Self {
        Self::new(self.connection.clone())
    }
}

impl quic::OpenStreams<Bytes> for Opener {
    type SendStream = SendStream;
    type BidiStream = BidiStream;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<BidiStream, StreamErrorIncoming>> {
        let opened = ready!(next(&mut self.requests, cx)).map_err(connection_lost)?;
        let (send, recv) = request(opened, Code::H3_REQUEST_CANCELLED)?;
        Poll::Ready(Ok(BidiStream::new(send, recv)))
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<SendStream, StreamErrorIncoming>> {
        let opened = ready!(next(&mut self.controls, cx)).map_err(connection_lost)?;
        Poll::Ready(SendStream::control(opened))
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.connection.close(VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX), reason);
    }
}

/// The [`Stopped`] futures of requests that were accepted and not yet taken up, by stream id.
///
/// `h3` hides its streams; this is the way around it. Take each as soon as its request is accepted: what is not
/// taken stays until the connection ends.
#[derive(Clone, Default)]
pub struct StopSignals(Arc<Mutex<HashMap<u64, Stopped>>>);

impl StopSignals {
    /// Takes the signal of a request.
    #[must_use]
    pub fn take(&self, stream: quic::StreamId) -> Option<Stopped> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&stream.into_inner())
    }

    fn insert(&self, stream: &SendStream) {
        let id = quic::SendStream::<Bytes>::send_id(stream).into_inner();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, stream.stopped());
    }
}

impl fmt::Debug for StopSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopSignals").finish_non_exhaustive()
    }
}

fn request(halves: Halves, cancel: Code) -> Result<(SendStream, RecvStream), StreamErrorIncoming> {
    Ok((SendStream::request(halves.0)?, RecvStream::request(halves.1, cancel)?))
}

/// The next item of a stream that has no end of its own.
fn next<T>(waiting: &mut Waiting<T>, cx: &mut Context<'_>) -> Poll<Result<T, quinn::ConnectionError>> {
    waiting.poll_next_unpin(cx).map(|item| item.unwrap_or(Err(quinn::ConnectionError::LocallyClosed)))
}

fn into_connection_error(error: StreamErrorIncoming) -> ConnectionErrorIncoming {
    match error {
        StreamErrorIncoming::ConnectionErrorIncoming { connection_error } => connection_error,
        _ => into_connection_error(misuse("a stream that cannot be adapted")),
    }
}
