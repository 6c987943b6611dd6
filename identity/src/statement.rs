//! Signed statements and the one list of their labels.
//!
//! Every signature of ours outside TLS, MLS and X.509 is Ed25519 over `"Wardline 1.0 " ‖ label ‖ 0x00 ‖ body`.
//! The label keeps a signature from being passed off as one of another kind; 0x00 keeps one label from being
//! the beginning of another. A body is kept as it was signed: nobody encodes it again.

use std::fmt;

use prost::{Message, bytes::Bytes};
use wardline_proto::{Digest, relay::SignedStatement};

use crate::{PublicKey, SigningKey, StatementError};

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a signature is for. This is the one list: a new kind of signature starts with a line here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum StatementLabel {
            $($(#[$doc])* $name,)*
        }

        impl StatementLabel {
            /// All labels.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The text that is signed.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

labels! {
    /// `InvitationRecord`, by an issuer.
    InvitationRecord = "invitation-record",
    /// `EnrolmentClaim`, by an invitation key.
    EnrolmentClaim = "enrolment-claim",
    /// `IssuersList`, by the root.
    IssuersList = "issuers-list",
    /// `CommitAuthor`, by a member device.
    CommitAuthor = "commit-author",
    /// `DeviceApproval`, by a device of the same person.
    DeviceApproval = "device-approval",
    /// `Leave`, by a device of the person who leaves.
    Leave = "leave",
    /// `Confirmation`, by a member who confirms a person's new device.
    Confirmation = "confirmation",
    /// `OutOfStep`, by a member that cannot follow a commit.
    OutOfStep = "out-of-step",
    /// `RevocationList`, by an issuer.
    RevocationList = "revocation-list",
    /// `RevocationAnswer`, by the relay.
    RevocationAnswer = "revocation-answer",
    /// `RemovalConfirmation`, by a member that merged a removal and did not make it.
    RemovalConfirmation = "removal-confirmation",
    /// `RelayTime`, by the relay.
    RelayTime = "relay-time",
    /// `HoldStatement`, by a device of the same person, or of a responder.
    Hold = "hold",
    /// `HoldAnswer`, by the relay.
    HoldAnswer = "hold-answer",
    /// `RootProof`, by the root.
    RootProof = "root-proof",
    /// `CertificateRenewal`, by a device with the certificate that is to be followed, and by the new key.
    CertificateRenewal = "certificate-renewal",
    /// `IssuerRequest`, by a device of an administrator or registrar.
    IssuerRequest = "issuer-request",
    /// `UnlockTry`, by a vault's unlock key.
    UnlockTry = "unlock-try",
    /// `UnlockConfirmation`, by a device that has opened its vault.
    UnlockConfirmation = "unlock-confirmation",
}

impl fmt::Display for StatementLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// Signs `message` and keeps the bytes that were signed.
///
/// `signer` is the signer's DER certificate, whose digest goes with the statement; `None` where the context
/// names the signer (an invitation key).
#[must_use]
pub fn sign_statement(
    key: &SigningKey,
    label: StatementLabel,
    message: &impl Message,
    signer: Option<&[u8]>,
) -> SignedStatement {
    let body = Bytes::from(message.encode_to_vec());
    let signature = Bytes::copy_from_slice(&key.sign(label, &body));
    let signer = signer.map(|der| Digest::of(der).to_wire()).unwrap_or_default();
    SignedStatement { body, signer, signature }
}

/// Checks a statement against the key and certificate digest it must be from; `None`: it must name no signer.
pub(crate) fn verify_statement(
    key: &PublicKey,
    signer: Option<&Digest>,
    label: StatementLabel,
    statement: &SignedStatement,
) -> Result<Bytes, StatementError> {
    let (actual, limit) = (statement.body.len(), body_bytes_max(label));
    if actual > limit {
        return Err(StatementError::TooLong { limit, actual });
    }
    if statement.signer != signer.map_or(&[][..], |digest| digest.as_bytes().as_slice()) {
        return Err(StatementError::OtherSigner);
    }
    key.verify(label, &statement.body, &statement.signature)?;
    Ok(statement.body.clone())
}

/// `"Wardline 1.0 " ‖ label ‖ 0x00 ‖ body`.
pub(crate) fn signing_input(label: StatementLabel, body: &[u8]) -> Vec<u8> {
    [b"Wardline 1.0 ", label.text().as_bytes(), &[0], body].concat()
}

/// A statement's body has at most this many bytes: it must fit in memory many times over.
const BODY_BYTES_MAX: usize = 65_536;

/// The root names the certificates that stay good when it strikes an issuer: 20,000 of 34 bytes, and 128 issuers.
const ISSUERS_BYTES_MAX: usize = 1_048_576;

const fn body_bytes_max(label: StatementLabel) -> usize {
    match label {
        StatementLabel::IssuersList => ISSUERS_BYTES_MAX,
        _ => BODY_BYTES_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_proto::relay::Leave;

    fn signed() -> (SigningKey, SignedStatement) {
        let key = SigningKey::from_seed([1; 32]);
        let leave = Leave { user_id: "dr-a".to_owned(), ..Leave::default() };
        let statement = sign_statement(&key, StatementLabel::Leave, &leave, Some(b"certificate"));
        (key, statement)
    }

    #[test]
    fn no_label_begins_another_and_none_has_a_zero() {
        for (index, label) in StatementLabel::ALL.iter().enumerate() {
            assert!(!label.text().contains('\0'));
            for other in &StatementLabel::ALL[index + 1..] {
                assert_ne!(label.text(), other.text());
            }
        }
    }

    #[test]
    fn the_signed_bytes_are_those_of_the_design() {
        assert_eq!(signing_input(StatementLabel::RelayTime, b"x"), b"Wardline 1.0 relay-time\0x");
    }

    #[test]
    fn a_statement_verifies_under_its_own_label_only() {
        let (key, statement) = signed();
        let signer = Digest::of(b"certificate");
        for label in StatementLabel::ALL {
            let outcome = verify_statement(&key.public(), Some(&signer), *label, &statement);
            assert_eq!(outcome.is_ok(), *label == StatementLabel::Leave, "{label}");
        }
    }

    #[test]
    fn a_statement_of_another_signer_or_key_is_refused() {
        let (key, statement) = signed();
        let (label, signer) = (StatementLabel::Leave, Digest::of(b"certificate"));
        let check =
            |key: &PublicKey, signer: Option<&Digest>| verify_statement(key, signer, label, &statement);
        assert!(check(&key.public(), Some(&signer)).is_ok());
        assert_eq!(check(&key.public(), None), Err(StatementError::OtherSigner));
        assert_eq!(check(&key.public(), Some(&Digest::of(b"other"))), Err(StatementError::OtherSigner));
        let other = SigningKey::from_seed([2; 32]).public();
        assert!(matches!(check(&other, Some(&signer)), Err(StatementError::Signature(_))));
    }

    #[test]
    fn a_body_beyond_the_limit_is_refused_before_its_signature_is_checked() {
        let (key, mut statement) = signed();
        statement.body = vec![0; BODY_BYTES_MAX + 1].into();
        let outcome = verify_statement(&key.public(), None, StatementLabel::Leave, &statement);
        assert!(matches!(outcome, Err(StatementError::TooLong { .. })));
    }
}
