//! `init`: makes a relay's keys and what it asks to be certified. Run once; nothing here is undone.
//!
//! The request is written last. A crash before it leaves keys that nobody has certified, which the next run
//! takes over; once the request is there, or anything that came of it, `init` changes nothing.

use std::net::IpAddr;
use std::path::PathBuf;

use prost::Message as _;
use wardline_identity::Entropy;
use wardline_proto::relay::RelayRequest;

use crate::data_dir::{DataDir, DataDirError, read_public, write_public};
use crate::relay_keys::{RelayKeys, RelayKeysError};

/// `init` made nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The folder holds a relay.
    #[error("{0} exists")]
    MadeBefore(PathBuf),
    /// Nobody could dial it.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// None, or more than 16.
    #[error("a relay has 1 to {ADDRESSES_MAX} addresses, not {count}")]
    AddressCount {
        /// How many were given.
        count: usize,
    },
    /// A key could not be made, read or written.
    #[error(transparent)]
    Keys(#[from] RelayKeysError),
    /// The folder could not be used.
    #[error(transparent)]
    Folder(#[from] DataDirError),
}

/// Not an address that clients can dial.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is not an address; it is HOST:PORT, such as relay.example.org:7443, 192.0.2.1:7443 or [2001:db8::1]:7443"
)]
pub struct AddressError {
    text: String,
}

/// What clients dial: a DNS name or IP address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialAddress {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Ip(IpAddr),
    Name(String),
}

impl DialAddress {
    /// Parses "host:port". Port 0 is refused: nobody can dial it.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        Self::from_text(text).ok_or_else(|| AddressError { text: text.to_owned() })
    }

    fn from_text(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0 && text.is_ascii())?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(v6) => Host::Ip(IpAddr::V6(v6.parse().ok()?)),
            None => match host.parse() {
                Ok(v4) => Host::Ip(IpAddr::V4(v4)),
                Err(_) if is_dns_name(host) => Host::Name(host.to_ascii_lowercase()),
                Err(_) => return None,
            },
        };
        Some(Self { host, port })
    }

    /// Where a relay that is dialled so listens by itself: there, or, behind a name, on all interfaces.
    #[must_use]
    pub fn listen(&self) -> std::net::SocketAddr {
        let ip = match self.host {
            Host::Ip(ip) => ip,
            Host::Name(_) => IpAddr::from([0, 0, 0, 0]),
        };
        (ip, self.port).into()
    }
}

impl std::fmt::Display for DialAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            Host::Ip(ip) => write!(f, "{ip}:{}", self.port),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// RFC 1123 host names: labels of letters, digits and inner hyphens; not something that looks like an IPv4
/// address gone wrong.
fn is_dns_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric_end =
        host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    host.len() <= 253 && host.split('.').all(label) && !numeric_end
}

/// Makes keys and request in `data`, for a relay that clients dial at `addresses`.
///
/// # Errors
/// [`InitError`]; the folder holds nothing then that a second run would not take over.
pub fn init(data: &DataDir, addresses: &[DialAddress], entropy: &dyn Entropy) -> Result<(), InitError> {
    if !(1..=ADDRESSES_MAX).contains(&addresses.len()) {
        return Err(InitError::AddressCount { count: addresses.len() });
    }
    data.create()?;
    let _lock = data.lock()?;
    let made = [data.request(), data.bundle(), data.database()];
    if let Some(path) = made.into_iter().find(|path| path.exists()) {
        return Err(InitError::MadeBefore(path));
    }
    let keys = match RelayKeys::read(data)? {
        Some(keys) => keys,
        None => RelayKeys::generate(entropy)?,
    };
    keys.write(data)?;
    let (request_ed25519, request_p256) = keys.requests()?;
    let request = RelayRequest {
        request_ed25519: request_ed25519.into(),
        request_p256: request_p256.into(),
        addresses: addresses.iter().map(ToString::to_string).collect(),
    };
    write_public(&data.request(), &request.encode_to_vec())?;
    Ok(())
}

/// The addresses that `init` was given, from the request it wrote; `None` if there is none that can be read.
///
/// # Errors
/// [`DataDirError`].
pub fn addresses(data: &DataDir) -> Result<Option<Vec<DialAddress>>, DataDirError> {
    let Some(bytes) = read_public(&data.request(), REQUEST_BYTES_MAX)? else { return Ok(None) };
    let Ok(request) = RelayRequest::decode(bytes.as_slice()) else { return Ok(None) };
    Ok(request.addresses.iter().map(|address| DialAddress::parse(address).ok()).collect())
}

/// As in the .proto.
const ADDRESSES_MAX: usize = 16;

/// Two requests of 2,048 bytes and 16 addresses fit in several times over.
const REQUEST_BYTES_MAX: u64 = 65_536;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use wardline_identity::{DeviceKey, SystemEntropy, verify_certificate_request};

    use super::*;

    fn address() -> Vec<DialAddress> {
        vec![DialAddress::parse("127.0.0.1:7443").unwrap()]
    }

    #[test]
    fn init_makes_keys_for_its_owner_and_a_request() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::at(folder.path().join("relay"));
        init(&data, &address(), &SystemEntropy).unwrap();

        let keys = RelayKeys::read(&data).unwrap().unwrap();
        for key in [data.key_ed25519(), data.key_p256()] {
            assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let request = RelayRequest::decode(std::fs::read(data.request()).unwrap().as_slice()).unwrap();
        let [ed25519, p256] = [&request.request_ed25519, &request.request_p256]
            .map(|der| verify_certificate_request(der).unwrap());
        assert_eq!(ed25519.spki_der(), DeviceKey::Ed25519(keys.ed25519.public()).spki_der());
        assert_ne!(ed25519.spki_der(), p256.spki_der());
        assert_eq!(addresses(&data).unwrap().unwrap(), address());
    }

    #[test]
    fn init_does_not_run_twice_and_changes_nothing_then() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::at(folder.path());
        init(&data, &address(), &SystemEntropy).unwrap();
        let before = std::fs::read(data.key_ed25519()).unwrap();
        assert!(matches!(init(&data, &address(), &SystemEntropy), Err(InitError::MadeBefore(_))));
        std::fs::rename(data.request(), data.bundle()).unwrap();
        assert!(matches!(init(&data, &address(), &SystemEntropy), Err(InitError::MadeBefore(_))));
        assert_eq!(std::fs::read(data.key_ed25519()).unwrap(), before);
    }

    #[test]
    fn an_interrupted_init_is_finished_with_the_keys_it_made() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::at(folder.path());
        init(&data, &address(), &SystemEntropy).unwrap();
        let before = std::fs::read(data.key_ed25519()).unwrap();
        std::fs::remove_file(data.request()).unwrap();
        init(&data, &address(), &SystemEntropy).unwrap();
        assert_eq!(std::fs::read(data.key_ed25519()).unwrap(), before);
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in ["127.0.0.1:7443", "[::1]:7443", "relay.example.org:443", "localhost:1"] {
            assert_eq!(DialAddress::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "relay",
            "relay:",
            ":7443",
            "relay:0",
            "relay:65536",
            "::1:7443",
            "1.2.3:1",
            "a b:1",
            "-a:1",
            "x..y:1",
            "https://relay:1",
        ] {
            assert!(DialAddress::parse(bad).is_err(), "{bad}");
        }
        assert!(matches!(
            init(&DataDir::at("/nonexistent"), &[], &SystemEntropy),
            Err(InitError::AddressCount { count: 0 })
        ));
    }

    #[test]
    fn a_relay_behind_a_name_listens_everywhere() {
        let listen = |text| DialAddress::parse(text).unwrap().listen().to_string();
        assert_eq!(listen("127.0.0.1:7443"), "127.0.0.1:7443");
        assert_eq!(listen("relay.example.org:7443"), "0.0.0.0:7443");
    }
}
