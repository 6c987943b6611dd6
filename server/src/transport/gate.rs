//! Where requests of both doors go in: the peer is named, the body bounded, a panic caught.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::FutureExt as _;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body, service::Routes};
use tower::{Layer as _, Service as _};

use super::{
    Door, Limits, Peer,
    deadline::{Deadline, DeadlineLayer},
    status,
};

/// The services, behind what all their calls have in common.
#[derive(Clone)]
pub(super) struct Gate {
    services: Deadline<Routes>,
    body_bytes: u64,
    uncertified_body_bytes: u64,
}

impl Gate {
    pub(super) fn new(routes: Routes, limits: &Limits, stopping: CancellationToken) -> Self {
        let deadline = DeadlineLayer::new(limits.response_deadline, stopping);
        Self {
            services: deadline.layer(routes.prepare()),
            body_bytes: limits.body_bytes,
            uncertified_body_bytes: limits.uncertified_body_bytes,
        }
    }

    /// Answers one request of `peer`.
    pub(super) async fn call(mut self, peer: Peer, request: Request<Body>) -> Response<Body> {
        let most = match peer.door {
            Door::Uncertified => self.uncertified_body_bytes,
            Door::Device(_) => self.body_bytes,
        };
        let mut request = request.map(|body| Body::new(ShortBody { body, left: most, most }));
        request.extensions_mut().insert(peer);
        // Routes are always ready: a router has nothing to wait for.
        match AssertUnwindSafe(self.services.call(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Err(_) => {
                tracing::error!("a call panicked");
                status::internal().into_http()
            }
        }
    }
}

/// A request's body that fails when it goes on too long.
struct ShortBody {
    body: Body,
    left: u64,
    most: u64,
}

impl http_body::Body for ShortBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            match self.left.checked_sub(data.len() as u64) {
                Some(left) => self.left = left,
                None => {
                    self.body = Body::empty();
                    return Poll::Ready(Some(Err(status::body_too_long(self.most))));
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
