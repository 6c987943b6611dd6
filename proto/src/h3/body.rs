//! Message bodies over HTTP/3: reading one from a stream, sending one to a stream.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use h3::error::{Code, StreamError};
use http::HeaderMap;
use http_body::Frame;

use super::stream::{RecvStream, SendStream};

type ServerStream<S> = h3::server::RequestStream<S, Bytes>;
type ClientStream<S> = h3::client::RequestStream<S, Bytes>;

/// A request's body, as the relay reads it.
pub type RequestBody = Body<ServerStream<RecvStream>>;

/// A response's body, as the client reads it.
pub type ResponseBody = Body<ClientStream<RecvStream>>;

/// A body that is read from a stream as it is polled; dropping it stops the stream.
pub struct Body<S> {
    stream: S,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Data,
    Trailers,
    Done,
}

impl<S> Body<S> {
    /// Reads from `stream`, whose head has been read.
    pub fn new(stream: S) -> Self {
        Self { stream, state: State::Data }
    }
}

impl<S> fmt::Debug for Body<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

/// A body that did not arrive.
#[derive(Debug)]
pub struct BodyError(StreamError);

impl BodyError {
    /// What `h3` says about it.
    #[must_use]
    pub fn stream_error(&self) -> &StreamError {
        &self.0
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body did not arrive: {}", self.0)
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// `h3` has one such stream for servers and one for clients.
trait MessageSource: Unpin {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamError>>;
    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<HeaderMap>, StreamError>>;
}

impl MessageSource for ServerStream<RecvStream> {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamError>> {
        self.poll_recv_data(cx).map_ok(|data| data.map(|mut data| data.copy_to_bytes(data.remaining())))
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<HeaderMap>, StreamError>> {
        self.poll_recv_trailers(cx)
    }
}

impl MessageSource for ClientStream<RecvStream> {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamError>> {
        self.poll_recv_data(cx).map_ok(|data| data.map(|mut data| data.copy_to_bytes(data.remaining())))
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<HeaderMap>, StreamError>> {
        self.poll_recv_trailers(cx)
    }
}

#[expect(private_bounds, reason = "the two streams of `h3` and no others")]
impl<S: MessageSource> Body<S> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, StreamError>> {
        if self.state == State::Data {
            match ready!(self.stream.poll_data(cx))? {
                Some(data) => return Poll::Ready(Ok(Some(Frame::data(data)))),
                None => self.state = State::Trailers,
            }
        }
        if self.state == State::Trailers {
            let trailers = ready!(self.stream.poll_trailers(cx))?;
            self.state = State::Done;
            return Poll::Ready(Ok(trailers.map(Frame::trailers)));
        }
        Poll::Ready(Ok(None))
    }
}

impl<S: MessageSource> http_body::Body for Body<S> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let next = ready!(self.poll_next(cx));
        if next.is_err() {
            // `h3` may not be asked again after an error.
            self.state = State::Done;
        }
        Poll::Ready(next.map_err(BodyError).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Done
    }
}

/// A stream that a body is sent to.
pub trait MessageSink {
    /// Sends one DATA frame.
    fn send_data(&mut self, data: Bytes) -> impl Future<Output = Result<(), StreamError>> + Send;
    /// Sends the trailers.
    fn send_trailers(&mut self, trailers: HeaderMap) -> impl Future<Output = Result<(), StreamError>> + Send;
    /// Ends the stream.
    fn finish(&mut self) -> impl Future<Output = Result<(), StreamError>> + Send;
    /// Resets the stream.
    fn reset(&mut self, code: Code);
}

impl MessageSink for ServerStream<SendStream> {
    async fn send_data(&mut self, data: Bytes) -> Result<(), StreamError> {
        Self::send_data(self, data).await
    }

    async fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), StreamError> {
        Self::send_trailers(self, trailers).await
    }

    async fn finish(&mut self) -> Result<(), StreamError> {
        Self::finish(self).await
    }

    fn reset(&mut self, code: Code) {
        self.stop_stream(code);
    }
}

impl MessageSink for ClientStream<SendStream> {
    async fn send_data(&mut self, data: Bytes) -> Result<(), StreamError> {
        Self::send_data(self, data).await
    }

    async fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), StreamError> {
        Self::send_trailers(self, trailers).await
    }

    async fn finish(&mut self) -> Result<(), StreamError> {
        Self::finish(self).await
    }

    fn reset(&mut self, code: Code) {
        self.stop_stream(code);
    }
}

/// A body that was not sent to its end.
#[derive(Debug)]
pub enum SendError<E> {
    /// The stream did not take it.
    Stream(StreamError),
    /// The body itself failed; the stream was reset.
    Body(E),
}

impl<E: fmt::Display> fmt::Display for SendError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(error) => write!(f, "the stream did not take the body: {error}"),
            Self::Body(error) => write!(f, "the body failed: {error}"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for SendError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Stream(error) => Some(error),
            Self::Body(error) => Some(error),
        }
    }
}

/// Sends `body` with its trailers and ends the stream.
///
/// Stops at the trailers, whatever the body says after them: a second one would be an error of the whole
/// connection at the peer.
///
/// # Errors
/// - [`SendError::Stream`]: the peer stopped the stream or the connection is gone.
/// - [`SendError::Body`]: `body` failed.
pub async fn send_body<S, B>(stream: &mut S, body: B) -> Result<(), SendError<B::Error>>
where
    S: MessageSink,
    B: http_body::Body<Data = Bytes>,
{
    let mut body = pin!(body);
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|error| {
            stream.reset(Code::H3_INTERNAL_ERROR);
            SendError::Body(error)
        })?;
        match frame.into_data() {
            // `h3` at the peer would take an empty frame for the end.
            Ok(data) if data.is_empty() => {}
            Ok(data) => stream.send_data(data).await.map_err(SendError::Stream)?,
            Err(other) => {
                if let Ok(trailers) = other.into_trailers() {
                    stream.send_trailers(trailers).await.map_err(SendError::Stream)?;
                    break;
                }
            }
        }
    }
    stream.finish().await.map_err(SendError::Stream)
}
