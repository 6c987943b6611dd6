//! Where requests of both doors go in: the call is counted, the peer named, the body bounded, a panic caught, what
//! tonic says by itself explained, and the answer watched on its way out.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures::FutureExt as _;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body, service::Routes};
use tower::{Layer as _, Service as _};

use super::{
    Door, Limits, Peer,
    connections::Account,
    deadline::{Deadline, DeadlineLayer},
    explain,
    share::{Budget, Loan},
    status,
    turns::Turns,
};

/// The services, behind what all their calls have in common.
#[derive(Clone)]
pub(super) struct Gate {
    services: Deadline<Turns<Routes>>,
    refusal_pause: Duration,
    body_bytes: u64,
    uncertified_body_bytes: u64,
    budget: Budget,
}

impl Gate {
    pub(super) fn new(routes: Routes, limits: &Limits, stopping: CancellationToken) -> Self {
        let deadline = DeadlineLayer::new(limits.response_deadline, stopping);
        Self {
            services: deadline.layer(Turns(routes.prepare())),
            refusal_pause: limits.refusal_pause,
            body_bytes: limits.body_bytes,
            uncertified_body_bytes: limits.uncertified_body_bytes,
            budget: Budget::new(limits),
        }
    }

    /// Answers one request of `peer`, on its account.
    pub(super) async fn call(self, peer: Peer, account: Account, request: Request<Body>) -> Response<Body> {
        let Some(place) = account.share.call() else {
            // Who asks on and on is answered no sooner for it; the wait costs a timer.
            sleep(self.refusal_pause).await;
            return status::too_many_calls().into_http();
        };
        let response = self.answer(peer, &account, request).await;
        response.map(|body| account.readers.watch(body, place))
    }

    async fn answer(mut self, peer: Peer, account: &Account, request: Request<Body>) -> Response<Body> {
        let most = match peer.door {
            Door::Uncertified => self.uncertified_body_bytes,
            Door::Device(_) => self.body_bytes,
        };
        // Kept until the handler is done with what it was sent, not only until that has arrived.
        let loan = Arc::new(self.budget.loan(&account.share));
        let mut request =
            request.map(|body| Body::new(ShortBody { body, taken: 0, most, loan: loan.clone() }));
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(account.share.clone());
        // Routes are always ready: a router has nothing to wait for.
        let response = match AssertUnwindSafe(self.services.call(request)).catch_unwind().await {
            Ok(Ok(mut response)) => {
                explain::head(&mut response);
                response
            }
            Err(_) => {
                tracing::error!("a call panicked");
                status::internal().into_http()
            }
        };
        drop(loan);
        response
    }
}

/// A request's body that fails when it goes on too long, or when there is no room for it.
struct ShortBody {
    body: Body,
    taken: u64,
    most: u64,
    loan: Arc<Loan>,
}

impl ShortBody {
    /// Counts what has arrived.
    fn take(&mut self, data: &Bytes) -> Result<(), Status> {
        self.taken += data.len() as u64;
        if self.taken > self.most {
            Err(status::body_too_long(self.most))
        } else if self.loan.cover(self.taken) {
            Ok(())
        } else {
            Err(status::bodies_full())
        }
    }
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
            && let Err(refusal) = self.take(data)
        {
            self.body = Body::empty();
            return Poll::Ready(Some(Err(refusal)));
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
