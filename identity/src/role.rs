//! What a device may do, as its certificate says.

use std::fmt;

use wardline_proto::relay as pb;

use crate::NameError;

/// A role. Fixed when the certificate is issued; another role needs another certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Messages others.
    Clinician,
    /// Holds an issuer; invites, certifies, revokes.
    Administrator,
    /// A machine that checks and signs waiting requests.
    Registrar,
    /// May put a device on hold, nothing else.
    Responder,
    /// A service account: an EHR, an alarm system.
    Service,
}

impl Role {
    /// All roles, in the order of the wire.
    pub const ALL: [Self; 5] =
        [Self::Clinician, Self::Administrator, Self::Registrar, Self::Responder, Self::Service];

    /// The word for it, in certificates and on command lines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clinician => "clinician",
            Self::Administrator => "administrator",
            Self::Registrar => "registrar",
            Self::Responder => "responder",
            Self::Service => "service",
        }
    }

    /// From the word for it.
    ///
    /// # Errors
    /// [`NameError`] for any other word.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UNKNOWN)
    }

    /// Whether a device of this role works beside an issuer and may use the registrar's calls.
    #[must_use]
    pub const fn may_issue(self) -> bool {
        matches!(self, Self::Administrator | Self::Registrar)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Role> for pb::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Clinician => Self::Clinician,
            Role::Administrator => Self::Administrator,
            Role::Registrar => Self::Registrar,
            Role::Responder => Self::Responder,
            Role::Service => Self::Service,
        }
    }
}

impl From<Role> for i32 {
    fn from(role: Role) -> Self {
        Self::from(pb::Role::from(role))
    }
}

impl TryFrom<pb::Role> for Role {
    type Error = NameError;

    /// Refuses the unspecified role.
    fn try_from(role: pb::Role) -> Result<Self, NameError> {
        Self::ALL.into_iter().find(|known| pb::Role::from(*known) == role).ok_or(UNKNOWN)
    }
}

impl TryFrom<i32> for Role {
    type Error = NameError;

    /// Refuses the unspecified role and numbers this build does not know.
    fn try_from(number: i32) -> Result<Self, NameError> {
        pb::Role::try_from(number).map_err(|_| UNKNOWN).and_then(Self::try_from)
    }
}

const UNKNOWN: NameError =
    NameError { what: "role", rule: "is clinician, administrator, registrar, responder or service" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_one_word_and_one_number() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Ok(role));
            assert_eq!(Role::try_from(i32::from(role)), Ok(role));
        }
    }

    #[test]
    fn an_unknown_role_is_refused() {
        for number in [-1, 0, 6, i32::MAX] {
            assert!(Role::try_from(number).is_err(), "{number}");
        }
        for text in ["", "Clinician", "root"] {
            assert!(Role::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_administrators_and_registrars_may_issue() {
        let may: Vec<Role> = Role::ALL.into_iter().filter(|role| role.may_issue()).collect();
        assert_eq!(may, [Role::Administrator, Role::Registrar]);
    }
}
