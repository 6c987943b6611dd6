//! The one deadline rule of both doors.
//!
//! A call ends when its `grpc-timeout` is over, also in the middle of a stream; and every call must begin its
//! response within the relay's own patience, which bounds unary calls in all. Either way the handler is dropped
//! and the caller reads DEADLINE_EXCEEDED. The header is taken out here: tonic has a rule of its own, which says
//! CANCELLED and does not reach into streams.
//!
//! When the relay is told to stop, a stream that has nothing to say ends with SHUTTING_DOWN; a unary response is
//! never cut.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{explain, status};

const GRPC_TIMEOUT: &str = "grpc-timeout";

/// Puts the rule in front of a service.
#[derive(Debug, Clone)]
pub(super) struct DeadlineLayer {
    response: Duration,
    stopping: CancellationToken,
}

impl DeadlineLayer {
    /// `response` is how long a call may take to begin its response; `stopping` ends idle streams.
    pub(super) fn new(response: Duration, stopping: CancellationToken) -> Self {
        Self { response, stopping }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { inner, rule: self.clone() }
    }
}

/// A service under the rule.
#[derive(Debug, Clone)]
pub(super) struct Deadline<S> {
    inner: S,
    rule: DeadlineLayer,
}

impl<S, B> Service<Request<B>> for Deadline<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let asked = match asked(request.headers_mut()) {
            Ok(asked) => asked,
            Err(refusal) => return futures::future::ready(Ok(refusal.into_http())).boxed(),
        };
        let now = Instant::now();
        let asked = asked.and_then(|timeout| now.checked_add(timeout));
        let patience = now + self.rule.response;
        let response_by = asked.map_or(patience, |asked| asked.min(patience));
        let call = self.inner.call(request);
        let stopping = self.rule.stopping.clone();
        let bounded = async move {
            let Ok(response) = timeout_at(response_by, call).await else {
                return Ok(status::deadline_exceeded().into_http());
            };
            let Ok(response) = response;
            Ok(response.map(|body| {
                if http_body::Body::is_end_stream(&body) {
                    body
                } else {
                    Body::new(BoundedBody {
                        body: Some(body),
                        expiry: asked.map(|asked| Box::pin(sleep_until(asked))),
                        stopping: Box::pin(stopping.cancelled_owned()),
                    })
                }
            }))
        };
        bounded.boxed()
    }
}

/// A response's body that ends when its time is over.
struct BoundedBody {
    /// `None` once it has ended.
    body: Option<Body>,
    expiry: Option<Pin<Box<Sleep>>>,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl BoundedBody {
    /// Drops the handler's stream and says why.
    fn end(&mut self, why: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.body = None;
        let mut trailers = HeaderMap::new();
        Poll::Ready(Some(why.add_header(&mut trailers).map(|()| Frame::trailers(trailers))))
    }
}

impl http_body::Body for BoundedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let bounded = &mut *self;
        let Some(body) = &mut bounded.body else { return Poll::Ready(None) };
        // Before the body, so that a stream which always has more does not outlive its time.
        if bounded.expiry.as_mut().is_some_and(|expiry| expiry.poll_unpin(cx).is_ready()) {
            return bounded.end(&status::deadline_exceeded());
        }
        if let Poll::Ready(mut frame) = Pin::new(body).poll_frame(cx) {
            if let Some(Ok(frame)) = &mut frame
                && let Some(trailers) = frame.trailers_mut()
            {
                explain::trailers(trailers);
            }
            if !frame.as_ref().is_some_and(|frame| frame.as_ref().is_ok_and(Frame::is_data)) {
                bounded.body = None;
            }
            return Poll::Ready(frame);
        }
        // After the body, so that what is ready still goes out.
        if bounded.stopping.poll_unpin(cx).is_ready() {
            return bounded.end(&status::shutting_down());
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }
}

/// Takes the caller's timeout out of the headers.
fn asked(headers: &mut HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.remove(GRPC_TIMEOUT) else { return Ok(None) };
    parse(&value).map(Some).ok_or_else(status::timeout_malformed)
}

/// One to eight digits and a unit (gRPC over HTTP/2, "Timeout").
fn parse(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let amount = digits.iter().fold(0, |amount, digit| amount * 10 + u64::from(digit - b'0'));
    match unit {
        b'H' => Some(Duration::from_secs(amount * 3600)),
        b'M' => Some(Duration::from_secs(amount * 60)),
        b'S' => Some(Duration::from_secs(amount)),
        b'm' => Some(Duration::from_millis(amount)),
        b'u' => Some(Duration::from_micros(amount)),
        b'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeout(value: &'static str) -> Option<Duration> {
        parse(&HeaderValue::from_static(value))
    }

    #[test]
    fn every_unit_is_read() {
        assert_eq!(timeout("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(timeout("3M"), Some(Duration::from_secs(180)));
        assert_eq!(timeout("4S"), Some(Duration::from_secs(4)));
        assert_eq!(timeout("5m"), Some(Duration::from_millis(5)));
        assert_eq!(timeout("6u"), Some(Duration::from_micros(6)));
        assert_eq!(timeout("7n"), Some(Duration::from_nanos(7)));
        assert_eq!(timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
    }

    #[test]
    fn what_is_no_timeout_is_refused() {
        for value in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", " 1S", "1S "] {
            assert_eq!(timeout(value), None, "{value:?}");
        }
    }

    #[tokio::test]
    async fn a_response_that_never_begins_is_not_waited_for() {
        let never = tower::service_fn(|_: Request<()>| {
            futures::future::pending::<Result<Response<Body>, Infallible>>()
        });
        let mut service =
            DeadlineLayer::new(Duration::from_millis(20), CancellationToken::new()).layer(never);
        let Ok(response) = service.call(Request::new(())).await;
        let status = Status::from_header_map(response.headers()).expect("a status");
        assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
    }

    #[tokio::test]
    async fn a_malformed_timeout_is_named() {
        let reached =
            tower::service_fn(|_: Request<()>| futures::future::ready(Ok(Response::new(Body::empty()))));
        let mut service =
            DeadlineLayer::new(Duration::from_secs(60), CancellationToken::new()).layer(reached);
        let mut request = Request::new(());
        request.headers_mut().insert(GRPC_TIMEOUT, HeaderValue::from_static("soon"));
        let Ok(response) = service.call(request).await;
        let status = Status::from_header_map(response.headers()).expect("a status");
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
    }
}
