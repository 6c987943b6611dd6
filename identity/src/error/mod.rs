//! Every error of this crate, sorted by blame.
//!
//! All but [`EntropyError`] and [`AuthorityError`] are about what a peer sent. None carries a secret or the
//! bytes that were refused, so each may be logged and shown.

use thiserror::Error;
use wardline_proto::UtcMillis;

mod issuer_request;
mod record;
mod renewal;
mod revocation;

pub use issuer_request::IssuerRequestError;
pub use record::RecordError;
pub use renewal::RenewalError;
pub use revocation::{HoldError, RevocationError};

/// The source of randomness has none to give. Unavailable: nothing was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no randomness to be had from the system")]
pub struct EntropyError;

/// A name that breaks its rule. The peer's or the user's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a {what} {rule}")]
pub struct NameError {
    /// What the name should have been, such as "user id".
    pub what: &'static str,
    /// The rule it breaks, as the end of a sentence.
    pub rule: &'static str,
}

/// Bytes that are no usable key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not 32 bytes, not a point of the curve, or one of small order that verifies anything.
    #[error("not a usable Ed25519 public key")]
    Ed25519,
    /// Not a PKCS #8 P-256 key.
    #[error("not a usable P-256 key")]
    P256,
    /// A key of a kind Wardline does not use.
    #[error("neither an Ed25519 nor a P-256 key")]
    Kind,
}

/// A signature that does not verify. Says no more, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the signature does not verify")]
pub struct SignatureError;

/// A signed statement that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The body is longer than 65,536 bytes.
    #[error("a statement has at most {limit} bytes, not {actual}")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
        /// The body's length in bytes.
        actual: usize,
    },
    /// It names another signer than the one it must be from.
    #[error("the statement is from another signer")]
    OtherSigner,
    /// The signer's key is not of the kind that signs statements (Ed25519).
    #[error("the signer's key cannot sign statements")]
    KeyKind,
    /// The signature does not verify under this label, body and key.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The body is not the message it should be.
    #[error("the statement's body cannot be decoded")]
    Undecodable,
}

/// A certificate that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Longer than any certificate of ours.
    #[error("a certificate has at most {limit} bytes, not {actual}")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
        /// The certificate's length in bytes.
        actual: usize,
    },
    /// Not an X.509 certificate in DER, cut short, or with bytes after its end.
    #[error("not a DER certificate")]
    Malformed,
    /// Well-formed, but not what this kind of certificate must look like.
    #[error("the certificate's {field} is not as it must be")]
    Profile {
        /// The part that is wrong.
        field: &'static str,
    },
    /// A critical extension this build does not know (RFC 5280 §4.2).
    #[error("the certificate has an unknown critical extension")]
    UnknownCriticalExtension,
    /// The role extension is missing or names no role of ours.
    #[error("the certificate names no known role")]
    UnknownRole,
    /// A name in it breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Its key is not usable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It speaks of another organisation than the one that judges it.
    #[error("the certificate belongs to another organisation")]
    ForeignOrganisation,
    /// Its issuer is not on the organisation's list.
    #[error("the certificate's issuer is not on the organisation's list")]
    UnknownIssuer,
    /// The issuer it names did not sign it.
    #[error("the certificate's issuer did not sign it")]
    Signature,
    /// Too early.
    #[error("the certificate is not valid before {} s after 1970", not_before.seconds())]
    NotYetValid {
        /// Valid from here on.
        not_before: UtcMillis,
    },
    /// Too late.
    #[error("the certificate expired {} s after 1970", not_after.seconds())]
    Expired {
        /// Valid up to here.
        not_after: UtcMillis,
    },
    /// Its issuer was struck, and it is not among the certificates that stay good.
    #[error("the certificate's issuer was struck, and the certificate is not among those that stay good")]
    IssuerStruck,
    /// The issuer's own certificate is not valid at this instant.
    #[error("the issuer's certificate is not valid at this time")]
    IssuerNotInForce,
    /// A P-256 certificate gives API access, never membership.
    #[error("a P-256 certificate gives no membership")]
    MemberKeyRequired,
}

/// A certificate request that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Longer than 2,048 bytes.
    #[error("a certificate request has at most {limit} bytes, not {actual}")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
        /// The request's length in bytes.
        actual: usize,
    },
    /// Not a PKCS #10 request in DER, cut short, or with bytes after its end.
    #[error("not a DER certificate request")]
    Malformed,
    /// Its key is not usable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key in it did not sign it: whoever sent it may not hold that key.
    #[error("the certificate request is not signed by its own key")]
    SelfSignature,
}

/// A root fingerprint that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a root fingerprint has 64 hexadecimal digits")]
pub struct FingerprintError;

/// An organisation that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OrganisationError {
    /// The root is not the pinned one.
    #[error("the organisation's root is not the expected one")]
    OtherRoot,
    /// The root's certificate is refused.
    #[error("the organisation's root: {0}")]
    Root(#[source] CertificateError),
    /// Id or name is not the root's.
    #[error("the organisation's {field} is not the one in its root")]
    NameMismatch {
        /// "id" or "name".
        field: &'static str,
    },
    /// There is no issuers' list.
    #[error("the organisation has no issuers' list")]
    IssuersMissing,
    /// The issuers' list is not one the root signed.
    #[error("the issuers' list: {0}")]
    Issuers(#[source] StatementError),
    /// The list has a lower number than the one at hand.
    #[error("the issuers' list is older than list {known}")]
    IssuersOlder {
        /// The number at hand.
        known: u64,
    },
    /// Another list than the one at hand, under the same number.
    #[error("there are two issuers' lists with number {number}")]
    IssuersFork {
        /// Their number.
        number: u64,
    },
    /// The list's number is zero, it has more than 64 issuers or one of them twice, more than 20,000 kept certificates or
    /// not in order, or somebody who was struck is so no more.
    #[error("the issuers' list has a wrong {field}")]
    IssuersShape {
        /// What is wrong.
        field: &'static str,
    },
    /// An issuer on the list is refused.
    #[error("issuer {index} on the list: {source}")]
    Issuer {
        /// Its place, from 0.
        index: usize,
        /// Why.
        source: CertificateError,
    },
}

/// An invitation, its record or a claim to it that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// The signer's certificate is refused.
    #[error("the invitation's issuer: {0}")]
    Issuer(#[source] CertificateError),
    /// The record or claim is not signed by whom it must be.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A field is missing or malformed.
    #[error("the {field} is missing or malformed")]
    Field {
        /// The field of the record or claim.
        field: &'static str,
    },
    /// A name in it breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The record is for another organisation.
    #[error("the invitation is for another organisation")]
    ForeignOrganisation,
    /// Too late.
    #[error("the invitation expired {} s after 1970", expired_at.seconds())]
    Expired {
        /// Not valid from here on.
        expired_at: UtcMillis,
    },
    /// The claim is for another record.
    #[error("the claim is for another invitation")]
    OtherRecord,
    /// The claim was made on another connection.
    #[error("the claim was made on another connection")]
    OtherConnection,
    /// The certificate request in the claim is refused.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The key at hand is not the invitation's.
    #[error("the key is not this invitation's")]
    OtherKey,
    /// Another device has used the invitation.
    #[error("another device has used the invitation")]
    Spent,
    /// The certificate does not say what record and claim say.
    #[error("the certificate's {field} is not the one invited")]
    CertificateMismatch {
        /// What differs.
        field: &'static str,
    },
}

/// An invitation link that cannot be read. Each says what the reader can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// It does not start with `wardline://enrol/`.
    #[error("not an invitation link: it starts with \"wardline://enrol/\"")]
    NotALink,
    /// A character that no link contains.
    #[error("character {position} of the link is not one a link contains; copy it again, whole")]
    Character {
        /// Its place in the text, from 1.
        position: usize,
    },
    /// A character is wrong, missing or too many.
    #[error("the link is damaged: a character is wrong or missing; copy it again, whole")]
    Damaged,
    /// Made by a newer Wardline.
    #[error("the link is of a newer kind ({version}); update Wardline")]
    Newer {
        /// Its version.
        version: u8,
    },
    /// Intact, but an address in it is none.
    #[error(transparent)]
    Address(#[from] NameError),
}

/// An authority could not make what it was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// No randomness for a key or serial number.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The clock is outside the years a certificate can express.
    #[error("the clock shows a time no certificate can express")]
    Time,
    /// The authority's own certificate is not one, or does not fit.
    #[error("the authority's own certificate: {0}")]
    OwnCertificate(#[source] CertificateError),
    /// Key and certificate do not belong together.
    #[error("the authority's key and certificate do not belong together")]
    KeyMismatch,
    /// The authority's certificate is not valid at this time.
    #[error("the authority's certificate is not valid at this time")]
    NotInForce,
    /// The subject belongs to another organisation.
    #[error("the subject belongs to another organisation")]
    ForeignOrganisation,
    /// The certificate request is refused.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A name breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A key is not usable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An issuers' list cannot have this number or length.
    #[error("an issuers' list has a number from 1, at most 64 issuers and 20,000 kept certificates")]
    IssuersShape,
    /// The certificate could not be encoded. Broken: ours.
    #[error("the certificate could not be encoded")]
    Encoding(#[source] Box<dyn std::error::Error + Send + Sync>),
}
