//! Why an end closes a QUIC connection, beyond what HTTP/3 has codes for.
//!
//! HTTP/3's own codes live below 0x0400 and its reserved ones are 0x1f·N + 0x21 (RFC 9114 §8.1); ours are neither,
//! so that a client can tell "revoked" from "restart" before it dials again. TCP has no such code: there the next
//! connection tells.

use quinn::VarInt;

/// An application close code of Wardline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// The device was revoked.
    Revoked,
    /// The relay is stopping; dial again later.
    ShuttingDown,
    /// The certificate is not one of this organisation's in force.
    CertificateInvalid,
    /// Too many connections; dial again later.
    LimitReached,
    /// The client does not take the answers it asked for.
    Stalled,
    /// The client has no more use for the connection.
    Done,
    /// The issuer of the certificate was struck, and the certificate is not among those that stay good.
    CertificateStruck,
}

impl CloseCode {
    const ALL: [Self; 7] = [
        Self::Revoked,
        Self::ShuttingDown,
        Self::CertificateInvalid,
        Self::LimitReached,
        Self::Done,
        Self::Stalled,
        Self::CertificateStruck,
    ];

    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::Revoked => 0x5701,
            Self::ShuttingDown => 0x5702,
            Self::CertificateInvalid => 0x5703,
            Self::LimitReached => 0x5704,
            Self::Done => 0x5705,
            Self::Stalled => 0x5706,
            Self::CertificateStruck => 0x5707,
        }
    }

    /// From a code on the wire; `None` for one that is not ours.
    #[must_use]
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|known| u64::from(known.code()) == code)
    }

    /// The reason phrase that travels beside the code.
    #[must_use]
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Revoked => "device revoked",
            Self::ShuttingDown => "shutting down",
            Self::CertificateInvalid => "certificate invalid",
            Self::LimitReached => "too many connections",
            Self::Done => "done",
            Self::Stalled => "answers not taken",
            Self::CertificateStruck => "certificate struck",
        }
    }

    /// Closes `connection` with this code at once; streams in flight end with it.
    pub fn close(self, connection: &quinn::Connection) {
        connection.close(VarInt::from_u32(self.code()), self.phrase().as_bytes());
    }
}

/// Why a device is out and since when, as it travels beside [`CloseCode::Revoked`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedBecause {
    /// The reason's word.
    pub reason: String,
    /// Since when, in milliseconds.
    pub since_ms: u64,
}

impl RevokedBecause {
    /// Closes `connection` with [`CloseCode::Revoked`], saying why.
    pub fn close(&self, connection: &quinn::Connection) {
        connection.close(VarInt::from_u32(CloseCode::Revoked.code()), self.phrase().as_bytes());
    }

    /// From the phrase that came; `None` for one that says nothing of it.
    #[must_use]
    pub fn from_phrase(phrase: &[u8]) -> Option<Self> {
        let said = std::str::from_utf8(phrase).ok()?.strip_prefix(CloseCode::Revoked.phrase())?;
        let (reason, since_ms) = said.strip_prefix(": ")?.split_once(" since ")?;
        Some(Self { reason: reason.to_owned(), since_ms: since_ms.parse().ok()? })
    }

    fn phrase(&self) -> String {
        format!("{}: {} since {}", CloseCode::Revoked.phrase(), self.reason, self.since_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_codes_are_none_of_http3s() {
        for known in CloseCode::ALL {
            let code = known.code();
            assert!(code >= 0x0400, "{known:?} could be an HTTP/3 or QPACK code");
            assert_ne!((code - 0x21) % 0x1f, 0, "{known:?} is a reserved code");
            assert_eq!(CloseCode::from_code(code.into()), Some(known));
        }
        assert_eq!(CloseCode::from_code(0x0100), None);
    }

    #[test]
    fn why_a_device_is_out_is_read_from_the_phrase_and_from_no_other() {
        let because = RevokedBecause { reason: "lost".to_owned(), since_ms: 1_800_000_000_000 };
        assert_eq!(RevokedBecause::from_phrase(because.phrase().as_bytes()), Some(because));
        for other in ["device revoked", "device revoked: lost", "device revoked: lost since then", "done", ""]
        {
            assert_eq!(RevokedBecause::from_phrase(other.as_bytes()), None, "{other}");
        }
    }
}
