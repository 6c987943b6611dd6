//! Requests over HTTP/3.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use h3::{client::SendRequest, error::StreamError};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tonic::body::Body;
use wardline_proto::h3::{BodyError, Opener, ResponseBody, send_body};

/// Sends one request; gives the response as soon as its head is here.
///
/// Dropping the future, or the response's body, cancels the call at the relay.
pub(super) async fn send_request(
    mut connection: SendRequest<Opener, Bytes>,
    request: Request<Body>,
) -> Result<Response<Body>, StreamError> {
    let (head, body) = request.into_parts();
    let (mut send, mut receive) = connection.send_request(Request::from_parts(head, ())).await?.split();
    // A relay may answer before it has read all, and then stops the stream: the answer is what counts.
    let mut sending = Some(async move { drop(send_body(&mut send, body).await) }.boxed());
    let head = {
        let mut response = pin!(receive.recv_response());
        loop {
            tokio::select! {
                response = &mut response => break response?,
                () = sent(&mut sending), if sending.is_some() => sending = None,
            }
        }
    };
    Ok(head.map(|()| Body::new(AnsweringBody { response: ResponseBody::new(receive), sending })))
}

async fn sent(sending: &mut Option<BoxFuture<'static, ()>>) {
    if let Some(sending) = sending {
        sending.await;
    }
}

/// A response's body that keeps sending the request's, where that has not ended.
struct AnsweringBody {
    response: ResponseBody,
    sending: Option<BoxFuture<'static, ()>>,
}

impl http_body::Body for AnsweringBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.sending.as_mut().is_some_and(|sending| sending.poll_unpin(cx).is_ready()) {
            self.sending = None;
        }
        Pin::new(&mut self.response).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.response.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.response.size_hint()
    }
}
