//! Notices who does not take what they asked for.
//!
//! Both doors ask a response for its next piece only when the one before has found room towards the client. So a
//! response that is not asked for long has a client that does not read: a subscription with nothing to say is asked,
//! and waits for itself. What is handed out is cut into small pieces, so that a slow line is no stalled one, and the
//! last is the smallest: HTTP/2 keeps that one for the client when the response has ended, seen by nobody.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};
use tonic::{Status, body::Body};

/// What is handed out at once.
const PIECE_BYTES: usize = 64 * 1024;

/// What is handed out last of a message.
const TAIL_BYTES: usize = 1024;

/// The responses on one connection that wait for the client; clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Readers(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    since: HashMap<u64, Instant>,
}

impl Readers {
    /// Whether a response has waited so long.
    pub(super) fn stalled(&self, patience: Duration) -> bool {
        self.waiting().since.values().any(|since| since.elapsed() >= patience)
    }

    /// Watches a response, from its head on. `call` is kept until it ends.
    pub(super) fn watch(&self, body: Body, call: OwnedSemaphorePermit) -> Body {
        let mut waiting = self.waiting();
        waiting.last += 1;
        let id = waiting.last;
        waiting.since.insert(id, Instant::now());
        drop(waiting);
        Body::new(Watched { body, rest: Bytes::new(), readers: self.clone(), id, _call: call })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A response's body that says when it is waiting.
struct Watched {
    body: Body,
    /// What was not handed out yet of the last piece.
    rest: Bytes,
    readers: Readers,
    id: u64,
    _call: OwnedSemaphorePermit,
}

impl Watched {
    fn asked(&self) {
        self.readers.waiting().since.remove(&self.id);
    }

    fn handed_out(&self) {
        self.readers.waiting().since.insert(self.id, Instant::now());
    }

    /// Cuts off what may go out at once.
    fn piece(&mut self, mut data: Bytes) -> Bytes {
        let all = data.len();
        let now = if all > TAIL_BYTES { PIECE_BYTES.min(all - TAIL_BYTES) } else { all };
        self.rest = data.split_off(now);
        data
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let watched = &mut *self;
        let frame = if watched.rest.is_empty() {
            // Only what waits for the client counts, so not this.
            watched.asked();
            match Pin::new(&mut watched.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => Some(Ok(Frame::data(watched.piece(data)))),
                    Err(other) => Some(Ok(other)),
                },
                Poll::Ready(ended) => ended,
                Poll::Pending => return Poll::Pending,
            }
        } else {
            let rest = std::mem::take(&mut watched.rest);
            Some(Ok(Frame::data(watched.piece(rest))))
        };
        // Also the last frame, trailers or an error: the body is dropped when that has found room.
        watched.handed_out();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.asked();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures::{FutureExt as _, StreamExt as _, stream};
    use http_body::Body as _;
    use http_body_util::{Full, StreamBody};
    use tokio::{sync::Semaphore, time::advance};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);
    const LONG: Duration = Duration::from_secs(61);

    fn watch(readers: &Readers, body: Body) -> Body {
        let call = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a place");
        readers.watch(body, call)
    }

    async fn next(body: &mut Body) -> Option<usize> {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
        frame.ok()?.into_data().ok().map(|data| data.len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_that_nobody_asks_for_is_stalled_until_it_goes() {
        let readers = Readers::default();
        let body = watch(&readers, Body::new(Full::from("answer")));
        assert!(!readers.stalled(PATIENCE));
        advance(LONG).await;
        assert!(readers.stalled(PATIENCE));
        drop(body);
        assert!(!readers.stalled(PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_who_goes_on_is_not_stalled() {
        let readers = Readers::default();
        let mut body = watch(&readers, Body::new(Full::from(vec![7; 5 * PIECE_BYTES + 1])));
        let mut pieces = Vec::new();
        while let Some(piece) = next(&mut body).await {
            pieces.push(piece);
            advance(PATIENCE / 2).await;
            assert!(!readers.stalled(PATIENCE));
        }
        assert_eq!(pieces.iter().sum::<usize>(), 5 * PIECE_BYTES + 1);
        assert!(pieces.iter().all(|piece| *piece <= PIECE_BYTES), "{pieces:?}");
        assert!(pieces.last().is_some_and(|tail| *tail <= TAIL_BYTES), "{pieces:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_with_nothing_to_say_is_not_stalled() {
        let readers = Readers::default();
        let silent =
            stream::iter([Ok::<_, Status>(Frame::data(Bytes::from("event")))]).chain(stream::pending());
        let mut body = watch(&readers, Body::new(StreamBody::new(silent)));
        assert_eq!(next(&mut body).await, Some(5));
        assert!(next(&mut body).now_or_never().is_none());
        advance(LONG).await;
        assert!(!readers.stalled(PATIENCE));
    }
}
