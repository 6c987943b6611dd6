//! One act: a device is revoked, put on hold or reinstated.

use std::fmt;

use wardline_proto::{DeviceId, Digest, UtcMillis, relay as pb};

use crate::{NameError, OrganisationId, RevocationError};

/// How long a hold lasts, in seconds: seven days. From its end the device counts as revoked.
pub const HOLD_SECONDS: u64 = 7 * 86_400;

macro_rules! words {
    ($(#[$outer:meta])* $name:ident, $what:literal: $($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// All, in the order of the wire.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it, on command lines and in JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// From the word for it.
            ///
            /// # Errors
            /// [`NameError`] for any other word.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                const RULE: &str = concat!("is one of", $(" ", $text,)*);
                let found = Self::ALL.iter().copied().find(|one| one.as_str() == text);
                found.ok_or(NameError { what: $what, rule: RULE })
            }

            /// From the wire's number, which is its place in the list.
            pub(super) fn from_wire(number: i32) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.number() == number)
            }

            /// The wire's number.
            #[must_use]
            pub fn number(self) -> i32 {
                match self { $(Self::$variant => pb::$name::$variant as i32,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// What an act does.
    RevocationKind, "what is done to a device":
    /// For good: its id is never certified again.
    Revoked = "revoked",
    /// For [`HOLD_SECONDS`], from whose end it counts as revoked.
    Held = "held",
    /// The end of a hold.
    Reinstated = "reinstated",
}

words! {
    /// Why.
    RevocationReason, "the reason":
    /// It is missing.
    Lost = "lost",
    /// Somebody has taken it.
    Stolen = "stolen",
    /// Somebody else may have used it.
    Compromised = "compromised",
    /// Another device took its place.
    Replaced = "replaced",
    /// Its person has left the organisation.
    Left = "left",
    /// Its certificate was not renewed in time.
    Lapsed = "lapsed",
    /// It turned up again.
    Found = "found",
    /// Another.
    Other = "other",
}

/// One act of the revocation list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationAct {
    /// The device.
    pub device: DeviceId,
    /// What is done.
    pub kind: RevocationKind,
    /// Why.
    pub reason: RevocationReason,
    /// When, by the clock of who signed it.
    pub at: UtcMillis,
    /// SHA-256 of the certificate of the issuer who signed the first list with it.
    pub issuer: Digest,
}

impl RevocationAct {
    /// From the wire.
    ///
    /// # Errors
    /// [`RevocationError::Field`], naming it.
    pub fn read(wire: &pb::RevocationAct) -> Result<Self, RevocationError> {
        let field = |field| move || RevocationError::Field { field };
        Ok(Self {
            device: DeviceId::try_from(&wire.device_id).map_err(|_| field("device")())?,
            kind: RevocationKind::from_wire(wire.kind).ok_or_else(field("kind"))?,
            reason: RevocationReason::from_wire(wire.reason).ok_or_else(field("reason"))?,
            at: wire.at.as_ref().map(UtcMillis::from).ok_or_else(field("time"))?,
            issuer: Digest::try_from(&wire.issuer).map_err(|_| field("issuer")())?,
        })
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn to_wire(&self) -> pb::RevocationAct {
        pb::RevocationAct {
            device_id: self.device.to_wire(),
            kind: self.kind.number(),
            reason: self.reason.number(),
            at: Some(self.at.into()),
            issuer: self.issuer.to_wire(),
        }
    }

    /// Whether it can be done to a device to which `before` was done last, or nothing.
    ///
    /// Revoked is for good; a hold is not put on twice and ends once; one that has run out counts as revoked.
    #[must_use]
    pub fn may_follow(&self, before: Option<&Self>) -> bool {
        use RevocationKind::{Held, Reinstated, Revoked};
        match (before, self.kind) {
            (None, kind) => kind != Reinstated,
            (Some(before), kind) => match (before.kind, kind) {
                (Revoked, _) | (Held, Held) | (Reinstated, Reinstated) => false,
                (Held, Reinstated) => self.at < before.ends_at(),
                (Held | Reinstated, Revoked) | (Reinstated, Held) => true,
            },
        }
    }

    /// When a hold ends.
    #[must_use]
    pub fn ends_at(&self) -> UtcMillis {
        self.at.plus_seconds(HOLD_SECONDS)
    }

    /// h(n) from h(n−1); see `RevocationAct` on the wire.
    pub(super) fn chain(&self, number: u64, before: &Digest) -> Digest {
        let small = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
        let bytes = [
            before.as_bytes().as_slice(),
            &number.to_be_bytes(),
            self.device.as_bytes(),
            &[small(self.kind.number()), small(self.reason.number())],
            &self.at.get().to_be_bytes(),
            self.issuer.as_bytes(),
        ];
        Digest::of(&bytes.concat())
    }
}

/// The chain after these acts, the first of which has this number, from the one before them.
pub(crate) fn chain_on(before: Digest, first: u64, acts: &[RevocationAct]) -> Digest {
    (first..).zip(acts).fold(before, |chain, (number, act)| act.chain(number, &chain))
}

/// The chain after all acts of an organisation up to some number.
#[must_use]
pub fn chain_of(organisation: &OrganisationId, acts: &[RevocationAct]) -> Digest {
    chain_on(genesis(organisation), 1, acts)
}

/// h(0).
pub(super) fn genesis(organisation: &OrganisationId) -> Digest {
    Digest::of(&[b"wardline revocation list", organisation.as_str().as_bytes()].concat())
}
