//! Signed statements: Ed25519 over `"Wardline 1.0 " ‖ label ‖ 0x00 ‖ body`.

use ring::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey},
};

use crate::{Problem, wire::relay::SignedStatement};

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

fn input(label: &str, body: &[u8]) -> Vec<u8> {
    [b"Wardline 1.0 ", label.as_bytes(), &[0], body].concat()
}

/// Signs `message`; `signer` is the signer's certificate, if the context does not name the signer.
#[must_use]
pub fn sign(
    key: &Ed25519KeyPair,
    label: &str,
    message: &impl prost::Message,
    signer: Option<&[u8]>,
) -> SignedStatement {
    let body = message.encode_to_vec();
    let signature = key.sign(&input(label, &body)).as_ref().to_vec();
    SignedStatement { signer: signer.map(|der| sha256(der).to_vec()).unwrap_or_default(), body, signature }
}

/// Checks that the holder of `certificate` signed it.
///
/// # Errors
/// [`Problem::Wrong`] if not.
pub fn verify(certificate: &[u8], label: &str, statement: &SignedStatement) -> Result<(), Problem> {
    if statement.signer != sha256(certificate) {
        return Err(Problem::Wrong("a statement names another signer"));
    }
    UnparsedPublicKey::new(&ED25519, public_key(certificate)?)
        .verify(&input(label, &statement.body), &statement.signature)
        .map_err(|_| Problem::Wrong("a statement's signature does not verify"))
}

/// The public key in a certificate, as its SubjectPublicKeyInfo has it.
///
/// # Errors
/// [`Problem::Wrong`] if it is not a certificate.
pub fn public_key(certificate: &[u8]) -> Result<Vec<u8>, Problem> {
    let (_, parsed) =
        x509_parser::parse_x509_certificate(certificate).map_err(|_| Problem::Wrong("not a certificate"))?;
    Ok(parsed.public_key().subject_public_key.data.to_vec())
}
