//! A client that is not ours: gRPC by hand, with whatever TLS it likes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs},
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
    version::TLS13,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{Code, Status};
use wardline_client_core::relay::TransportChoice;
use wardline_proto::h3::{ALPN_HTTP2, ALPN_HTTP3, Connection, Opener, ResponseBody, send_body};

use crate::clinic::{Device, House};

pub(crate) const GET_ORGANISATION: &str = "/wardline.relay.v1.DirectoryService/GetOrganisation";
pub(crate) const LIST_PEOPLE: &str = "/wardline.relay.v1.DirectoryService/ListPeople";
pub(crate) const SUBSCRIBE: &str = "/wardline.relay.v1.ConversationService/Subscribe";
pub(crate) const COMMIT: &str = "/wardline.relay.v1.ConversationService/Commit";

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
}

/// A connection.
pub(crate) enum Foreign {
    Quic(h3::client::SendRequest<Opener, Bytes>),
    Tcp(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
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

pub(crate) async fn quic(
    config: ClientConfig,
    address: SocketAddr,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let crypto = QuicClientConfig::try_from(config).expect("a QUIC cipher suite");
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().expect("an address")).expect("a socket");
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    endpoint.connect_with(config, address, "127.0.0.1").expect("a configuration").await
}

pub(crate) async fn tcp(config: ClientConfig, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

impl Foreign {
    /// With the groups that every TLS 1.3 library has.
    pub(crate) async fn connect(house: &House, door: TransportChoice, device: Option<&Device>) -> Self {
        let groups = vec![aws_lc_rs::kx_group::X25519];
        match door {
            TransportChoice::Tcp => {
                let tls = tcp(tls(house, device, groups, ALPN_HTTP2), house.address).await.expect("TLS");
                let http2 = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls));
                let (requests, driver) = http2.await.expect("HTTP/2");
                tokio::spawn(driver);
                Self::Tcp(requests)
            }
            _ => {
                let connection =
                    quic(tls(house, device, groups, ALPN_HTTP3), house.address).await.expect("QUIC");
                let (mut driver, requests) =
                    h3::client::new(Connection::new(connection)).await.expect("HTTP/3");
                tokio::spawn(async move { driver.wait_idle().await });
                Self::Quic(requests)
            }
        }
    }

    /// Sends one message; reads the answer to its end.
    pub(crate) async fn call(
        &mut self,
        path: &str,
        timeout: Option<&str>,
        message: &impl Message,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let encoded = message.encode_to_vec();
        let length = u32::try_from(encoded.len()).expect("a short message").to_be_bytes();
        let body = Bytes::from([&[0], &length[..], &encoded].concat());
        let mut request = Request::post(format!("https://127.0.0.1{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(timeout) = timeout {
            request = request.header("grpc-timeout", timeout);
        }
        let request = request.body(Full::new(body)).expect("a request");
        match self {
            Self::Tcp(requests) => answer(requests.send_request(request).await?).await,
            Self::Quic(requests) => {
                let (head, body) = request.into_parts();
                let stream = requests.send_request(Request::from_parts(head, ())).await?;
                let (mut send, mut receive) = stream.split();
                // A relay that has seen enough stops the stream; it still answers.
                let _ = send_body(&mut send, body).await;
                let head = receive.recv_response().await?;
                answer(head.map(|()| ResponseBody::new(receive))).await
            }
        }
    }
}

async fn answer<B>(response: Response<B>) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let (head, body) = response.into_parts();
    assert_eq!(head.status, 200);
    if body.is_end_stream() {
        return Ok(Answer { headers: head.headers, body: Bytes::new(), trailers: HeaderMap::new() });
    }
    let collected = tokio::time::timeout(Duration::from_secs(20), body.collect()).await??;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Ok(Answer { headers: head.headers, body: collected.to_bytes(), trailers })
}
