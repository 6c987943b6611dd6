//! HTTP/2 on one TLS connection.
//!
//! hyper runs it with tonic's services behind; not tonic's own server, whose timeout would sit in front of our
//! deadline rule. Handlers run as tasks of their own that end with the connection.

use std::{convert::Infallible, future::Future, pin::pin, time::Duration};

use http::{HeaderValue, Request, header::ALT_SVC};
use hyper::{body::Incoming, rt::Executor, server::conn::http2::Builder, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use super::{Door, Limits, Peer, Refusal, connections::Entered, gate::Gate, status};

/// What one stream and one connection may send before they are read: a commit with its Welcome fits.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// What one stream may hold back for a slow reader.
const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// How long a sign of life may take.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves a connection until it ends, is cut, or the relay stops and its calls have ended.
pub(super) async fn serve(
    tls: TlsStream<TcpStream>,
    peer: Peer,
    entered: &Entered,
    gate: Gate,
    limits: &Limits,
    alt_svc: HeaderValue,
    stopping: &CancellationToken,
) {
    let handlers = entered.cut.child_token();
    // Whatever ends the connection ends its handlers.
    let _handlers_end_here = handlers.clone().drop_guard();
    let (calls, life) = match peer.door {
        Door::Device(_) => (limits.calls, None),
        Door::Uncertified => (limits.uncertified_calls, Some(limits.uncertified_life)),
    };
    let account = entered.account.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (gate, peer, alt_svc) = (gate.clone(), peer.clone(), alt_svc.clone());
        let account = account.clone();
        async move {
            let mut response = gate.call(peer, account, request.map(Body::new)).await;
            response.headers_mut().insert(ALT_SVC, alt_svc);
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = Builder::new(Handlers(handlers));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(calls)
        .max_header_list_size(limits.header_bytes)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(limits.idle_timeout)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(tls), service));
    let mut over = pin!(async {
        match life {
            Some(life) => tokio::select! { () = stopping.cancelled() => {}, () = sleep(life) => {} },
            None => stopping.cancelled().await,
        }
    });
    tokio::select! {
        biased;
        () = entered.cut.cancelled() => return,
        ended = &mut connection => return log_end(ended),
        () = &mut over => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        () = entered.cut.cancelled() => {}
        () = sleep(limits.drain) => {}
        ended = &mut connection => log_end(ended),
    }
}

/// Answers every call with why the connection was not admitted: TCP has no code to close with.
pub(super) async fn refuse(tls: TlsStream<TcpStream>, refusal: Refusal, limits: &Limits) {
    let service = service_fn(move |_: Request<Incoming>| async move {
        Ok::<_, Infallible>(status::refused(refusal).into_http::<Body>())
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.max_concurrent_streams(limits.uncertified_calls).max_header_list_size(limits.header_bytes);
    let connection = builder.serve_connection(TokioIo::new(tls), service);
    // Long enough for a client to ask, too short to be of use.
    let _ = timeout(limits.handshake_timeout, connection).await;
}

fn log_end(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP/2 connection ended");
    }
}

/// Runs handlers as tasks that end with the connection.
#[derive(Clone)]
struct Handlers(CancellationToken);

impl<F> Executor<F> for Handlers
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, handler: F) {
        tokio::spawn(self.0.clone().run_until_cancelled_owned(handler));
    }
}
