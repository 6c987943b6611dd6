//! Lets a device's calls go on a few at a time. Inside the deadline, so that waiting for one's turn counts.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Request, Response};
use tonic::body::Body;
use tower::Service;

use super::share::Share;

/// A service whose requests carry the [`Share`] that they have to have a turn of.
#[derive(Debug, Clone)]
pub(super) struct Turns<S>(pub(super) S);

impl<S> Service<Request<Body>> for Turns<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let share = request.extensions_mut().remove::<Share>();
        let unready = self.0.clone();
        let mut service = std::mem::replace(&mut self.0, unready);
        let answer = async move {
            let _turn = match share {
                Some(share) => share.turn().await,
                None => None,
            };
            service.call(request).await
        };
        answer.boxed()
    }
}
