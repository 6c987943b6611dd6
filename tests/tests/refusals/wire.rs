//! gRPC by hand over either door, with whatever certificate and whatever body: the attacker's client.
//!
//! It says what the relay answered: the status with its `ErrorInfo`, wherever it stands, or that the first message
//! of an answer came.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
    version::TLS13,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::Status;
use wardline_client_core::relay::{ClientIdentity, TransportChoice};
use wardline_proto::h3::{
    ALPN_HTTP2, ALPN_HTTP3, Connection, EXPORTER_LABEL, Opener, ResponseBody, send_body,
};

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is sent as a request's body.
#[derive(Clone)]
pub(crate) enum Payload {
    /// One message, framed as gRPC wants it.
    Message(Vec<u8>),
    /// Bytes as they are.
    Raw(Vec<u8>),
    /// A beginning, then so many zeros; counts what was taken off our hands.
    Endless { beginning: Vec<u8>, length: u64, sent: Arc<AtomicU64> },
}

/// What came back.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The first message of an answer.
    Accepted,
    /// A status other than OK.
    Refused(Box<Status>),
}

/// A connection.
pub(crate) struct Wire {
    requests: Requests,
    /// Its TLS exporter.
    pub(crate) exporter: [u8; 32],
}

#[derive(Clone)]
enum Requests {
    Quic(h3::client::SendRequest<Opener, Bytes>),
    Tcp(hyper::client::conn::http2::SendRequest<BoxBody<Bytes, Infallible>>),
}

fn tls(root: &[u8], identity: Option<&ClientIdentity>, alpn: &[u8]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(root.to_vec().into()).expect("a root");
    let provider =
        CryptoProvider { kx_groups: vec![aws_lc_rs::kx_group::X25519], ..aws_lc_rs::default_provider() };
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.to_vec()));
            let chain = identity.chain.iter().cloned().map(Into::into).collect();
            builder.with_client_auth_cert(chain, key).expect("a key")
        }
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config
}

impl Wire {
    pub(crate) async fn connect(
        door: TransportChoice,
        address: SocketAddr,
        root: &[u8],
        identity: Option<&ClientIdentity>,
    ) -> Self {
        if door == TransportChoice::Tcp {
            let stream = TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            let connector = TlsConnector::from(Arc::new(tls(root, identity, ALPN_HTTP2)));
            let name = ServerName::try_from("127.0.0.1").expect("a name");
            let stream = connector.connect(name, stream).await.expect("TLS");
            let session = stream.get_ref().1;
            let exporter = session.export_keying_material([0; 32], EXPORTER_LABEL, Some(b""));
            let http2 = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
            let (requests, driver) = http2.await.expect("HTTP/2");
            tokio::spawn(driver);
            return Self { requests: Requests::Tcp(requests), exporter: exporter.expect("an exporter") };
        }
        let crypto = QuicClientConfig::try_from(tls(root, identity, ALPN_HTTP3)).expect("a cipher suite");
        let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().expect("an address")).expect("a socket");
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        // A connection outlives the rows that do not use it.
        let mut transport = quinn::TransportConfig::default();
        transport.keep_alive_interval(Some(Duration::from_secs(5)));
        config.transport_config(Arc::new(transport));
        let connecting = endpoint.connect_with(config, address, "127.0.0.1").expect("a configuration");
        let connection = connecting.await.expect("QUIC");
        let mut exporter = [0; 32];
        connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").expect("an exporter");
        let (mut driver, requests) = h3::client::new(Connection::new(connection)).await.expect("HTTP/3");
        tokio::spawn(async move { driver.wait_idle().await });
        Self { requests: Requests::Quic(requests), exporter }
    }

    /// Makes one call; waits for the first message of its answer, or its refusal.
    pub(crate) async fn call(&self, path: &str, payload: &Payload) -> Outcome {
        let request = Request::post(format!("https://127.0.0.1{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(payload.body())
            .expect("a request");
        let outcome = match self.requests.clone() {
            Requests::Tcp(mut requests) => {
                let answering =
                    async move { first(requests.send_request(request).await.expect("a head")).await };
                tokio::time::timeout(PATIENCE, answering).await
            }
            Requests::Quic(requests) => tokio::time::timeout(PATIENCE, over_quic(requests, request)).await,
        };
        outcome.unwrap_or_else(|_| panic!("no answer to {path}"))
    }
}

async fn over_quic(
    mut requests: h3::client::SendRequest<Opener, Bytes>,
    request: Request<BoxBody<Bytes, Infallible>>,
) -> Outcome {
    let (head, body) = request.into_parts();
    let stream = requests.send_request(Request::from_parts(head, ())).await.expect("a stream");
    let (mut send, mut receive) = stream.split();
    // A relay that has seen enough stops the stream; it still answers.
    let sending = tokio::spawn(async move {
        let _ = send_body(&mut send, body).await;
    });
    let head = receive.recv_response().await.expect("a head");
    let outcome = first(head.map(|()| ResponseBody::new(receive))).await;
    sending.abort();
    outcome
}

async fn first<B>(response: Response<B>) -> Outcome
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Debug,
{
    let (head, mut body) = response.into_parts();
    assert_eq!(head.status, 200);
    if let Some(refused) = refusal(&head.headers) {
        return refused;
    }
    let frame = body.frame().await.expect("an answer has a status").expect("a whole answer");
    match frame.into_trailers() {
        Ok(trailers) => refusal(&trailers).expect("an answer holds a message or a refusal"),
        Err(_) => Outcome::Accepted,
    }
}

fn refusal(headers: &HeaderMap) -> Option<Outcome> {
    let status = Status::from_header_map(headers)?;
    assert_ne!(status.code(), tonic::Code::Ok, "an answer without a message");
    Some(Outcome::Refused(Box::new(status)))
}

impl Payload {
    fn body(&self) -> BoxBody<Bytes, Infallible> {
        match self {
            Self::Message(message) => Full::new(framed(message)).boxed(),
            Self::Raw(bytes) => Full::new(Bytes::from(bytes.clone())).boxed(),
            Self::Endless { beginning, length, sent } => {
                let (chunks, sent) = (length / CHUNK.len() as u64, sent.clone());
                let zeros = stream::iter(0..chunks).map(move |_| {
                    sent.fetch_add(CHUNK.len() as u64, Ordering::SeqCst);
                    Ok(Frame::data(Bytes::from_static(&CHUNK)))
                });
                let beginning = Ok(Frame::data(Bytes::from(beginning.clone())));
                BoxBody::new(StreamBody::new(stream::iter([beginning]).chain(zeros)))
            }
        }
    }
}

/// One gRPC message.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    [&[0], &length[..], message].concat().into()
}

static CHUNK: [u8; 65_536] = [0; 65_536];
