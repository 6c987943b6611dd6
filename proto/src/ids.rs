//! Newtypes for what the wire carries as bytes and numbers.
//!
//! Each parses at the edge (`TryFrom<&[u8]>`) and prints as lowercase hex (ids, digests) or a plain number.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

/// A field of the wire that has the wrong shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdError {
    /// What the field should have been, such as "conversation id".
    pub what: &'static str,
    /// How long it should have been, in bytes.
    pub expected: usize,
    /// How long it was, in bytes.
    pub actual: usize,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} has {} bytes, not {}", self.what, self.expected, self.actual)
    }
}

impl std::error::Error for IdError {}

macro_rules! fixed_bytes {
    ($(#[$doc:meta])* $name:ident, $length:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $length]);

        impl $name {
            /// Its length in bytes.
            pub const LENGTH: usize = $length;

            /// From exactly these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }

            /// The bytes as a field of the wire.
            #[must_use]
            pub fn to_wire(self) -> Bytes {
                Bytes::copy_from_slice(&self.0)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = IdError;

            fn try_from(bytes: &[u8]) -> Result<Self, IdError> {
                let wrong = IdError { what: $what, expected: $length, actual: bytes.len() };
                bytes.try_into().map(Self).map_err(|_| wrong)
            }
        }

        impl TryFrom<&Bytes> for $name {
            type Error = IdError;

            fn try_from(bytes: &Bytes) -> Result<Self, IdError> {
                Self::try_from(bytes.as_ref())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

fixed_bytes! {
    /// A conversation: 128 random bits, chosen by its creator; also the MLS group id.
    ConversationId, 16, "conversation id"
}
fixed_bytes! {
    /// A device: a version 4 UUID. Never certified again once revoked.
    DeviceId, 16, "device id"
}
fixed_bytes! {
    /// A message of one device: 128 random bits, chosen once; survives encrypting again.
    ClientMessageId, 16, "client message id"
}
fixed_bytes! {
    /// An invitation: the first 16 bytes of SHA-256 of its public key.
    InvitationId, 16, "invitation id"
}
fixed_bytes! {
    /// A pair of an unlock key and the relay's key of one vault: 128 random bits, chosen by its device.
    PairId, 16, "pair id"
}
fixed_bytes! {
    /// A try of a passcode: 128 random bits, chosen once for each that is typed.
    TryId, 16, "try id"
}
fixed_bytes! {
    /// A SHA-256 digest.
    Digest, 32, "SHA-256 digest"
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(u64);

        impl $name {
            /// Before the first.
            pub const ZERO: Self = Self(0);

            /// From the wire's number.
            #[must_use]
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The wire's number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The one after.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// An entry's place in its conversation's log: 1, 2, 3 …; 0 is before the first.
    EntryNumber
}
number! {
    /// An MLS epoch (RFC 9420 §2).
    Epoch
}

/// An instant: milliseconds since 1970-01-01 UTC, without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UtcMillis(u64);

impl UtcMillis {
    /// From milliseconds since 1970 UTC.
    #[must_use]
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970 UTC.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970 UTC, rounded down.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// This instant and a span later; saturates.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// This instant and a span later, to the millisecond; saturates.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl From<UtcMillis> for prost_types::Timestamp {
    fn from(instant: UtcMillis) -> Self {
        // Cannot fail: u64 milliseconds divided by 1000 fit in i64, the remainder in i32.
        Self {
            seconds: i64::try_from(instant.0 / 1000).unwrap_or(i64::MAX),
            nanos: i32::try_from((instant.0 % 1000) * 1_000_000).unwrap_or(0),
        }
    }
}

impl From<&prost_types::Timestamp> for UtcMillis {
    /// Instants before 1970 become 1970.
    fn from(stamp: &prost_types::Timestamp) -> Self {
        let seconds = u64::try_from(stamp.seconds).unwrap_or(0);
        let millis = u64::try_from(stamp.nanos).unwrap_or(0) / 1_000_000;
        Self(seconds.saturating_mul(1000).saturating_add(millis))
    }
}

/// The MLS cipher suites Wardline uses (design 4.3); stored per conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// 0x004F, `MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519`: X-Wing, the default. Provisional code point.
    MlKem768X25519,
    /// 0x0001, `MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519`: for interoperation.
    X25519,
}

impl Suite {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::MlKem768X25519, Self::X25519];

    /// The code point.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::MlKem768X25519 => 0x004F,
            Self::X25519 => 0x0001,
        }
    }

    /// From the code point; `None` for a suite Wardline does not use.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| u32::from(suite.code()) == code)
    }
}
