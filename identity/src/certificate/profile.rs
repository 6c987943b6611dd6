//! The extensions that a certificate of ours has, and which kinds have which.

use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, ParsedExtension, X509Extension};

use super::frame::Frame;
use crate::{CertificateError, Role};

/// 1.3.6.1.4.1.32473.1.1: the role, a UTF8String. (Below the arc of RFC 5612 for examples.)
pub(crate) const ROLE_OID: [u64; 9] = [1, 3, 6, 1, 4, 1, 32473, 1, 1];

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Signs certificates and lists; at most this many authorities may follow below it.
    Authority {
        /// pathLenConstraint.
        below: u32,
    },
    /// A TLS client, and nothing else.
    Client,
    /// A TLS server, and nothing else.
    Server,
}

/// A certificate's extensions, each at most once and well-formed.
#[derive(Default)]
pub(super) struct Extensions<'a> {
    key_usage: Option<u16>,
    extended: Option<&'a ExtendedKeyUsage<'a>>,
    authority: Option<(bool, Option<u32>)>,
    pub(super) names: &'a [GeneralName<'a>],
    role: Option<&'a [u8]>,
}

impl<'a> Extensions<'a> {
    /// Reads all, refuses repeated ones and unknown critical ones.
    pub(super) fn read(frame: &'a Frame<'_>) -> Result<Self, CertificateError> {
        let mut found = Self::default();
        let all = frame.body().extensions();
        for (index, extension) in all.iter().enumerate() {
            if all[..index].iter().any(|earlier| earlier.oid == extension.oid) {
                return Err(CertificateError::Profile { field: "list of extensions" });
            }
            found.take(extension)?;
        }
        Ok(found)
    }

    fn take(&mut self, extension: &'a X509Extension<'_>) -> Result<(), CertificateError> {
        match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => self.key_usage = Some(usage.flags),
            ParsedExtension::ExtendedKeyUsage(usage) => self.extended = Some(usage),
            ParsedExtension::BasicConstraints(limits) => {
                self.authority = Some((limits.ca, limits.path_len_constraint));
            }
            ParsedExtension::SubjectAlternativeName(names) => self.names = &names.general_names,
            ParsedExtension::SubjectKeyIdentifier(_) | ParsedExtension::AuthorityKeyIdentifier(_) => {}
            ParsedExtension::ParseError { .. } => {
                return Err(CertificateError::Profile { field: "list of extensions" });
            }
            _ if is_role(extension) => self.role = Some(extension.value),
            _ if extension.critical => return Err(CertificateError::UnknownCriticalExtension),
            _ => {}
        }
        Ok(())
    }

    /// Refuses a certificate that is for more, less or something else than `purpose`.
    pub(super) fn require(&self, purpose: Purpose) -> Result<(), CertificateError> {
        let (usage, authority) = match purpose {
            Purpose::Authority { below } => {
                (DIGITAL_SIGNATURE | CERTIFICATE_SIGN | LIST_SIGN, (true, Some(below)))
            }
            Purpose::Client | Purpose::Server => (DIGITAL_SIGNATURE, (false, None)),
        };
        let wrong = if self.key_usage != Some(usage) {
            "key usage"
        } else if self.extended_purpose() != Some(purpose).filter(|purpose| purpose.is_leaf()) {
            "extended key usage"
        } else if self.authority.unwrap_or((false, None)) != authority {
            "basic constraints"
        } else {
            return Ok(());
        };
        Err(CertificateError::Profile { field: wrong })
    }

    /// The one URI among the names.
    pub(super) fn uri(&self) -> Result<&'a str, CertificateError> {
        let mut uris = self.names.iter().filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        match (uris.next(), uris.next()) {
            (Some(uri), None) => Ok(uri),
            _ => Err(CertificateError::Profile { field: "URI" }),
        }
    }

    /// The one URI, where there is no other name.
    pub(super) fn only_uri(&self) -> Result<&'a str, CertificateError> {
        if self.names.len() == 1 { self.uri() } else { Err(CertificateError::Profile { field: "URI" }) }
    }

    /// The role; its extension is a UTF8String with one of our words.
    pub(super) fn role(&self) -> Result<Role, CertificateError> {
        let word = match self.role {
            Some([0x0C, length, word @ ..]) if usize::from(*length) == word.len() => word,
            _ => return Err(CertificateError::UnknownRole),
        };
        let word = std::str::from_utf8(word).map_err(|_| CertificateError::UnknownRole)?;
        Role::parse(word).map_err(|_| CertificateError::UnknownRole)
    }

    fn extended_purpose(&self) -> Option<Purpose> {
        let usage = self.extended?;
        let others = usage.any
            || usage.code_signing
            || usage.email_protection
            || usage.time_stamping
            || usage.ocsp_signing
            || !usage.other.is_empty();
        match (usage.client_auth, usage.server_auth, others) {
            (true, false, false) => Some(Purpose::Client),
            (false, true, false) => Some(Purpose::Server),
            // Anything else matches no kind of ours.
            _ => Some(Purpose::Authority { below: u32::MAX }),
        }
    }
}

impl Purpose {
    const fn is_leaf(self) -> bool {
        matches!(self, Self::Client | Self::Server)
    }
}

fn is_role(extension: &X509Extension<'_>) -> bool {
    extension.oid.iter().is_some_and(|arcs| arcs.eq(ROLE_OID))
}

// As x509-parser counts them: the first named bit of RFC 5280 §4.2.1.3 is the lowest.
const DIGITAL_SIGNATURE: u16 = 1;
const CERTIFICATE_SIGN: u16 = 1 << 5;
const LIST_SIGN: u16 = 1 << 6;
