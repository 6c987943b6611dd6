//! Finds a way to the relay: its addresses in turn, and on each QUIC before TCP.

use std::{net::SocketAddr, pin::pin, time::Duration};

use tokio::{
    net::lookup_host,
    time::{sleep, timeout},
};

use super::{
    ConnectOptions, RelayError, TransportChoice, connection::Established, error::DeadlinePassed, quic, tcp,
};

/// How long one way may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long QUIC is tried alone.
const HEAD_START: Duration = Duration::from_millis(1500);

/// How long QUIC is waited for once TCP has failed.
const GRACE: Duration = Duration::from_millis(1500);

/// Connects to the first of the addresses that answers as the relay it should be.
pub(super) async fn dial(options: &ConnectOptions) -> Result<Established, RelayError> {
    let mut failure = RelayError::broken("there is no address to connect to");
    for (tried, address) in options.addresses.iter().enumerate() {
        match dial_address(options, address).await {
            Ok(established) => return Ok(established),
            Err(error) if tried == 0 => failure = error,
            Err(error) => failure = failure.more_telling(error),
        }
    }
    Err(failure)
}

/// One "host:port", at every IP address that the host has.
async fn dial_address(options: &ConnectOptions, address: &str) -> Result<Established, RelayError> {
    let Some((host, _port)) = address.rsplit_once(':') else {
        return Err(RelayError::broken("an address is host:port"));
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let remotes = within(async { lookup_host(address).await.map_err(RelayError::unavailable) }).await?;
    let mut failure: Option<RelayError> = None;
    for remote in remotes {
        match dial_remote(options, remote, host).await {
            Ok(established) => return Ok(established),
            Err(error) => {
                failure = Some(match failure {
                    Some(failure) => failure.more_telling(error),
                    None => error,
                });
            }
        }
    }
    Err(failure.unwrap_or_else(|| RelayError::unavailable("the host has no address")))
}

async fn dial_remote(
    options: &ConnectOptions,
    remote: SocketAddr,
    host: &str,
) -> Result<Established, RelayError> {
    let quic = within(quic::connect(options, remote, host));
    let tcp = within(tcp::connect(options, remote, host));
    match options.transport {
        TransportChoice::Quic => quic.await,
        TransportChoice::Tcp => tcp.await,
        TransportChoice::Auto => race(quic, tcp).await,
    }
}

/// The first of two ways that is through; the second begins when the first has failed or had its head start.
async fn race(
    first: impl Future<Output = Result<Established, RelayError>>,
    second: impl Future<Output = Result<Established, RelayError>>,
) -> Result<Established, RelayError> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    tokio::select! {
        result = &mut first => match result {
            Ok(established) => return Ok(established),
            Err(failure) => return second.await.map_err(|error| failure.more_telling(error)),
        },
        () = sleep(HEAD_START) => {}
    }
    tokio::select! {
        result = &mut first => match result {
            Ok(established) => Ok(established),
            Err(failure) => second.await.map_err(|error| failure.more_telling(error)),
        },
        result = &mut second => match result {
            Ok(established) => Ok(established),
            // The relay has both doors or none: one that is shut is not waited for long at the other.
            Err(failure) => match timeout(GRACE, first).await {
                Ok(outcome) => outcome.map_err(|error| error.more_telling(failure)),
                Err(_) => Err(failure),
            },
        },
    }
}

async fn within<T>(attempt: impl Future<Output = Result<T, RelayError>>) -> Result<T, RelayError> {
    timeout(ATTEMPT, attempt).await.unwrap_or_else(|_| Err(RelayError::unavailable(DeadlinePassed)))
}
