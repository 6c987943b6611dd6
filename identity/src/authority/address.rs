//! What clients dial: "host:port".

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::NameError;

/// The host of a relay address, as a certificate names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    Name(String),
    Address(IpAddr),
}

/// The host of `host:port`, `1.2.3.4:port` or `[v6]:port`; the port is 1–65535.
pub(crate) fn host_of(address: &str) -> Result<Host, NameError> {
    let (host, port) = address.rsplit_once(':').ok_or(BAD)?;
    let plain = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    if !plain || port.parse::<u16>().is_err() {
        return Err(BAD);
    }
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().map(|v6| Host::Address(v6.into())).map_err(|_| BAD);
    }
    if let Ok(v4) = host.parse::<Ipv4Addr>() {
        return Ok(Host::Address(v4.into()));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    // A last label of digits would be a mistyped IPv4 address (RFC 1123 §2.1).
    let numeric = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if host.len() <= 253 && !numeric && host.split('.').all(label) {
        Ok(Host::Name(host.to_ascii_lowercase()))
    } else {
        Err(BAD)
    }
}

const BAD: NameError =
    NameError { what: "relay address", rule: "is \"host:port\", the host a DNS name or an IP address" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_with_a_port_are_read() {
        assert_eq!(host_of("Relay.Example.org:443"), Ok(Host::Name("relay.example.org".to_owned())));
        assert_eq!(host_of("localhost:1"), Ok(Host::Name("localhost".to_owned())));
        assert_eq!(host_of("127.0.0.1:65535"), Ok(Host::Address([127, 0, 0, 1].into())));
        assert_eq!(host_of("[::1]:443"), Ok(Host::Address(Ipv6Addr::LOCALHOST.into())));
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("{}:1", "a.".repeat(127) + "a");
        for bad in [
            "",
            "relay",
            "relay:",
            "relay:0",
            "relay:65536",
            "relay:+1",
            "relay: 1",
            ":443",
            "::1:443",
            "[::1]",
            "1.2.3:443",
            "1.2.3.456:443",
            "a..b:1",
            ".a:1",
            "-a:1",
            "a-:1",
            "a b:1",
            "ä:1",
            "a/b:1",
            &long,
        ] {
            assert_eq!(host_of(bad), Err(BAD), "{bad}");
        }
    }
}
