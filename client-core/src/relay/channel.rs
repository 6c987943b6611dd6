//! One HTTP connection as tonic's clients use it, whatever it runs on.

use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use hyper::client::conn::http2;
use thiserror::Error;
use tonic::body::Body;
use tower::Service;
use wardline_proto::h3::Opener;

use super::http3;

/// Sends requests. Clones share the connection.
#[derive(Clone)]
pub(super) enum Channel {
    /// On QUIC.
    Http3(h3::client::SendRequest<Opener, Bytes>),
    /// On TCP.
    Http2(http2::SendRequest<Body>),
}

/// A request that got no response. A type of its own: a boxed error is not general enough for tonic's clients in
/// spawned tasks.
#[derive(Debug, Error)]
pub(super) enum ChannelError {
    /// On QUIC.
    #[error("the HTTP/3 request failed")]
    Http3(#[source] h3::error::StreamError),
    /// On TCP.
    #[error("the HTTP/2 request failed")]
    Http2(#[source] hyper::Error),
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = ChannelError;
    type Future = BoxFuture<'static, Result<Response<Body>, ChannelError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ChannelError>> {
        // Requests wait for their stream themselves; and tonic makes a status of an error here that hides it.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self {
            Self::Http3(connection) => {
                let response = http3::send_request(connection.clone(), request);
                Box::pin(async { response.await.map_err(ChannelError::Http3) })
            }
            Self::Http2(connection) => {
                let response = connection.send_request(request);
                Box::pin(async { Ok(response.await.map_err(ChannelError::Http2)?.map(Body::new)) })
            }
        }
    }
}
