//! A client that is not ours: gRPC by hand, with whatever TLS it likes.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs},
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
    version::TLS13,
};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;
use wardline_client_core::relay::TransportChoice;
use wardline_proto::{
    Reason,
    h3::{ALPN_HTTP2, ALPN_HTTP3, Connection, Opener, ResponseBody, send_body},
};

use crate::clinic::{Device, House};

pub(crate) const GET_ORGANISATION: &str = "/wardline.relay.v1.DirectoryService/GetOrganisation";
pub(crate) const LIST_PEOPLE: &str = "/wardline.relay.v1.DirectoryService/ListPeople";
pub(crate) const SUBSCRIBE: &str = "/wardline.relay.v1.ConversationService/Subscribe";
pub(crate) const COMMIT: &str = "/wardline.relay.v1.ConversationService/Commit";

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
}

impl Answer {
    /// The gRPC status, wherever it stands.
    pub(crate) fn status(&self) -> Status {
        Status::from_header_map(&self.trailers)
            .or_else(|| Status::from_header_map(&self.headers))
            .unwrap_or_else(|| panic!("no status in {self:?}"))
    }

    pub(crate) fn code(&self) -> Code {
        self.status().code()
    }

    /// Our reason beside the status, if it has one.
    pub(crate) fn reason(&self) -> Option<Reason> {
        let details = self.status().get_error_details();
        let info = details.error_info().filter(|info| info.domain == Reason::DOMAIN)?;
        Reason::parse(&info.reason)
    }
}

/// A message behind its length, as gRPC has it.
pub(crate) fn framed(message: &impl Message) -> Bytes {
    let encoded = message.encode_to_vec();
    let length = u32::try_from(encoded.len()).expect("a short message").to_be_bytes();
    Bytes::from([&[0], &length[..], &encoded].concat())
}

/// A connection.
pub(crate) enum Foreign {
    Quic(h3::client::SendRequest<Opener, Bytes>),
    Tcp(hyper::client::conn::http2::SendRequest<Body>),
}

/// TLS with these groups; `roots` decides whom to believe.
pub(crate) fn tls(
    house: &House,
    device: Option<&Device>,
    groups: Vec<&'static dyn SupportedKxGroup>,
    alpn: &[u8],
) -> ClientConfig {
    let provider = Arc::new(CryptoProvider { kx_groups: groups, ..aws_lc_rs::default_provider() });
    let mut roots = RootCertStore::empty();
    roots.add(house.root.clone().into()).expect("a root");
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots);
    let mut config = match device {
        None => builder.with_no_client_auth(),
        Some(device) => {
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(device.identity.key.to_vec()));
            let chain = device.identity.chain.iter().cloned().map(Into::into).collect();
            builder.with_client_auth_cert(chain, key).expect("a key")
        }
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config
}

/// How a client comes, where it matters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// From which address.
    pub(crate) from: IpAddr,
    /// How many bytes of a response it takes before it reads.
    pub(crate) window: u32,
}

/// From loopback, with room for whatever comes.
pub(crate) const USUAL: Manner = Manner { from: IpAddr::V4(Ipv4Addr::LOCALHOST), window: 1 << 20 };

pub(crate) async fn quic(
    config: ClientConfig,
    address: SocketAddr,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    quic_as(USUAL, config, address).await
}

async fn quic_as(
    manner: Manner,
    config: ClientConfig,
    address: SocketAddr,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let crypto = QuicClientConfig::try_from(config).expect("a QUIC cipher suite");
    let endpoint = quinn::Endpoint::client((manner.from, 0).into()).expect("a socket");
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    let mut transport = quinn::TransportConfig::default();
    transport.stream_receive_window(manner.window.into()).keep_alive_interval(Some(Duration::from_secs(5)));
    config.transport_config(Arc::new(transport));
    endpoint.connect_with(config, address, "127.0.0.1").expect("a configuration").await
}

pub(crate) async fn tcp(config: ClientConfig, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    tcp_as(USUAL, config, address).await
}

async fn tcp_as(
    manner: Manner,
    config: ClientConfig,
    address: SocketAddr,
) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((manner.from, 0).into())?;
    let stream = socket.connect(address).await?;
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

impl Foreign {
    /// With the groups that every TLS 1.3 library has.
    pub(crate) async fn connect(house: &House, door: TransportChoice, device: Option<&Device>) -> Self {
        Self::connect_as(USUAL, house, door, device).await.expect("a connection")
    }

    pub(crate) async fn connect_as(
        manner: Manner,
        house: &House,
        door: TransportChoice,
        device: Option<&Device>,
    ) -> Result<Self, BoxError> {
        let groups = vec![aws_lc_rs::kx_group::X25519];
        match door {
            TransportChoice::Tcp => {
                let tls = tcp_as(manner, tls(house, device, groups, ALPN_HTTP2), house.address).await?;
                let (requests, driver) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
                    .initial_stream_window_size(manner.window)
                    .handshake(TokioIo::new(tls))
                    .await?;
                tokio::spawn(driver);
                Ok(Self::Tcp(requests))
            }
            _ => {
                let tls = tls(house, device, groups, ALPN_HTTP3);
                let connection = quic_as(manner, tls, house.address).await?;
                let (mut driver, requests) = h3::client::new(Connection::new(connection)).await?;
                tokio::spawn(async move { driver.wait_idle().await });
                Ok(Self::Quic(requests))
            }
        }
    }

    /// Sends one message; reads the answer to its end.
    pub(crate) async fn call(
        &mut self,
        path: &str,
        timeout: Option<&str>,
        message: &impl Message,
    ) -> Result<Answer, BoxError> {
        let headers: Vec<_> = timeout.map(|timeout| ("grpc-timeout", timeout)).into_iter().collect();
        self.call_with(path, &headers, framed(message)).await
    }

    /// Sends whatever body with whatever headers; reads the answer to its end.
    pub(crate) async fn call_with(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, BoxError> {
        let request = request(path, headers, Body::new(Full::new(body)));
        let (head, body) = self.open(request).await?.into_parts();
        answer(head, body).await
    }

    /// Sends one message; leaves the answer to be read.
    pub(crate) async fn ask(&mut self, path: &str, message: &impl Message) -> Result<Body, BoxError> {
        let request = request(path, &[], Body::new(Full::new(framed(message))));
        Ok(self.open(request).await?.into_body())
    }

    /// Sends the first half of one message, and the rest when `then` is over; reads the answer to its end.
    pub(crate) async fn halves(
        &mut self,
        path: &str,
        message: &impl Message,
        then: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Answer, BoxError> {
        let mut first = framed(message);
        let rest = first.split_off(first.len() / 2);
        let last = async move {
            then.await;
            rest
        };
        let pieces = stream::iter([first]).chain(stream::once(last));
        let body = StreamBody::new(pieces.map(|piece| Ok::<_, Status>(Frame::data(piece))));
        let (head, body) = self.open(request(path, &[], Body::new(body))).await?.into_parts();
        answer(head, body).await
    }

    async fn open(&mut self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        match self {
            Self::Tcp(requests) => Ok(requests.send_request(request).await?.map(Body::new)),
            Self::Quic(requests) => {
                let (head, body) = request.into_parts();
                let stream = requests.send_request(Request::from_parts(head, ())).await?;
                let (mut send, mut receive) = stream.split();
                // A relay that has seen enough stops the stream; it still answers.
                let _ = send_body(&mut send, body).await;
                let head = receive.recv_response().await?;
                Ok(head.map(|()| Body::new(ResponseBody::new(receive))))
            }
        }
    }
}

fn request(path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut request = Request::post(format!("https://127.0.0.1{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).expect("a request")
}

async fn answer(head: http::response::Parts, body: Body) -> Result<Answer, BoxError> {
    assert_eq!(head.status, 200);
    if http_body::Body::is_end_stream(&body) {
        return Ok(Answer { headers: head.headers, body: Bytes::new(), trailers: HeaderMap::new() });
    }
    let collected = tokio::time::timeout(Duration::from_secs(20), body.collect()).await??;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Ok(Answer { headers: head.headers, body: collected.to_bytes(), trailers })
}
