//! HTTP/3 on one QUIC connection.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use h3::{error::Code, quic::SendStream as _, server::RequestResolver};
use http::Response;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use wardline_proto::h3::{CloseCode, Connection, RequestBody, Stopped, send_body};

use super::{
    Door, Limits, Peer,
    connections::{Account, Entered},
    gate::Gate,
};

type Http3 = h3::server::Connection<Connection, Bytes>;
type Resolver = RequestResolver<Connection, Bytes>;

/// How many times [`Limits::stall`] the end of a response may take to be acknowledged, if packets still go out.
const ACKNOWLEDGED_WITHIN: u32 = 10;

/// Serves a connection until it ends, is cut, or the relay stops and its calls have ended.
pub(super) async fn serve(
    quic: quinn::Connection,
    peer: Peer,
    entered: &Entered,
    gate: Gate,
    limits: &Limits,
    stopping: &CancellationToken,
) {
    let life = match peer.door {
        Door::Device(_) => None,
        Door::Uncertified => Some(limits.uncertified_life),
    };
    let caller = Caller { peer, account: entered.account.clone(), gate, quic: quic.clone() };
    let serving = requests(quic.clone(), caller, limits, stopping, life);
    tokio::select! {
        biased;
        () = entered.cut.cancelled() => {} // closed already, with the reason
        () = serving => CloseCode::ShuttingDown.close(&quic),
    }
}

/// What each call on a connection needs.
#[derive(Clone)]
struct Caller {
    peer: Peer,
    account: Account,
    gate: Gate,
    quic: quinn::Connection,
}

/// Takes requests and runs their handlers; they end with this future.
async fn requests(
    quic: quinn::Connection,
    caller: Caller,
    limits: &Limits,
    stopping: &CancellationToken,
    life: Option<Duration>,
) {
    let adapted = Connection::new(quic);
    let stops = adapted.stop_signals();
    let mut builder = h3::server::builder();
    builder.max_field_section_size(limits.header_bytes.into()).send_grease(false);
    let Ok(Ok(mut http3)) = timeout(limits.handshake_timeout, builder.build(adapted)).await else { return };
    let mut calls = JoinSet::new();
    let mut over = pin!(over(stopping, life));
    loop {
        tokio::select! {
            accepted = http3.accept() => {
                let Ok(Some(resolver)) = accepted else { break };
                let stopped = stops.take(resolver.frame_stream.send_id());
                let call = call(resolver, stopped, caller.clone(), limits.head_timeout, limits.stall);
                calls.spawn(call);
            }
            Some(_) = calls.join_next() => {}
            () = &mut over => {
                drain(&mut http3, &mut calls, limits.drain).await;
                return;
            }
        }
    }
    // The client has said goodbye or is gone: what is still running for it ends here.
}

/// Resolves when no more requests are to be taken.
async fn over(stopping: &CancellationToken, life: Option<Duration>) {
    match life {
        Some(life) => tokio::select! { () = stopping.cancelled() => {}, () = sleep(life) => {} },
        None => stopping.cancelled().await,
    }
}

/// Says goodbye (RFC 9114 §5.2) and lets the calls that were taken end.
async fn drain(http3: &mut Http3, calls: &mut JoinSet<()>, within: Duration) {
    // The id in GOAWAY is the first that is not served, so one past the last that was taken.
    if http3.shutdown(1).await.is_err() {
        return;
    }
    let drained = async {
        while !calls.is_empty() {
            tokio::select! {
                accepted = http3.accept() => match accepted {
                    Ok(Some(mut late)) => late.frame_stream.reset(Code::H3_REQUEST_REJECTED.value()),
                    Ok(None) => while calls.join_next().await.is_some() {},
                    Err(_) => return,
                },
                Some(_) = calls.join_next() => {}
            }
        }
    };
    // What is not over by then is cut.
    let _ = timeout(within, drained).await;
}

/// One request: reads its head, calls the services, sends the response. Dropping it resets the stream.
async fn call(
    resolver: Resolver,
    stopped: Option<Stopped>,
    caller: Caller,
    head_timeout: Duration,
    stall: Duration,
) {
    let Ok(Ok((request, stream))) = timeout(head_timeout, resolver.resolve_request()).await else { return };
    let (mut send, receive) = stream.split();
    let request = request.map(|()| Body::new(RequestBody::new(receive)));
    let Caller { peer, account, gate, quic } = caller;
    let respond = async {
        let (head, body) = gate.call(peer, account, request).await.into_parts();
        send.send_response(Response::from_parts(head, ())).await.is_ok()
            && send_body(&mut send, body).await.is_ok()
    };
    let Some(mut stopped) = stopped else {
        respond.await;
        return;
    };
    tokio::select! {
        biased;
        _ = &mut stopped => {} // the client wants no more: the handler goes
        sent = respond => if sent && !acknowledged(stopped, &quic, stall).await {
            CloseCode::Stalled.close(&quic);
        }
    }
}

/// Waits until the client has all of a response: closing before that would lose its end. `false` if it does not
/// take it, though it may keep the connection alive.
async fn acknowledged(mut stopped: Stopped, quic: &quinn::Connection, stall: Duration) -> bool {
    let mut sent = quic.stats().frame_tx.stream;
    for _ in 0..ACKNOWLEDGED_WITHIN {
        if timeout(stall, &mut stopped).await.is_ok() {
            return true;
        }
        let before = std::mem::replace(&mut sent, quic.stats().frame_tx.stream);
        if before == sent {
            return false;
        }
    }
    false
}
