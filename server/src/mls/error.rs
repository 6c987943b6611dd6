//! Why bytes were refused as an MLSMessage for their place. Always the peer's doing.

/// Bytes that are not the MLSMessage that belongs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MlsError {
    /// Peer: not an MLSMessage: truncated, trailing bytes, a length that is not minimal, an unknown version.
    #[error("not a well-formed MLSMessage")]
    Malformed,
    /// Peer: an MLSMessage, of a kind that has no place here.
    #[error("an MLSMessage of a kind that has no place here")]
    WrongKind,
    /// Peer: a KeyPackage that may not be stored for the caller.
    #[error("the KeyPackage is refused: {0}")]
    KeyPackage(#[from] KeyPackageFault),
}

/// What is wrong with a KeyPackage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyPackageFault {
    /// Its suite is not one of Wardline's.
    #[error("its cipher suite is not one of Wardline's")]
    Suite,
    /// Its own signatures, lifetime or keys do not hold (RFC 9420 §10.1).
    #[error("its signatures or fields do not verify")]
    Invalid,
    /// Its leaf's credential is not x509 with exactly the caller's certificate.
    #[error("its credential is not the caller's certificate")]
    Credential,
    /// Its leaf's signature key is not the certificate's key.
    #[error("its signature key is not the certificate's key")]
    SignatureKey,
    /// Its init key or its leaf's encryption key is no key of its suite.
    #[error("a key in it is not of its suite's length")]
    Keys,
    /// Its lifetime has bounds.
    #[error("its lifetime is bounded")]
    Lifetime,
    /// Its leaf lacks a capability that every member has.
    #[error("its leaf lacks a required capability")]
    Capabilities,
}
