//! What a device says to open its vault, for the connection that it is sent on: a try of a passcode, signed with the vault's unlock key,
//! and that the vault is open, signed with the device's certified key, which is in it.

use prost::Message as _;
use subtle::ConstantTimeEq as _;
use wardline_proto::{
    PairId, TryId,
    relay::{self as pb, SignedStatement},
};

use crate::{
    DeviceCertificate, OPRF_ELEMENT_BYTES, PublicKey, SigningKey, StatementError, StatementLabel,
    sign_statement, statement::verify_statement,
};

/// Why a try does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnlockTryError {
    /// The statement is not of this unlock key.
    #[error("the try is not signed by the unlock key of this pair")]
    Statement(#[from] StatementError),
    /// A field is missing or of the wrong length.
    #[error("the try's {field} is missing or of the wrong length")]
    Field {
        /// Which.
        field: &'static str,
    },
    /// It was signed for another connection.
    #[error("the try was signed for another connection")]
    OtherConnection,
}

/// A try that verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnlockTry {
    /// The pair.
    pub pair: PairId,
    /// Chosen by the device, another for each passcode that is typed.
    pub id: TryId,
    /// The blinded passcode.
    pub blinded: [u8; OPRF_ELEMENT_BYTES],
}

impl UnlockTry {
    /// The pair that a statement says it is for; nothing of it is checked yet.
    ///
    /// # Errors
    /// [`UnlockTryError::Field`].
    pub fn named(statement: &SignedStatement) -> Result<PairId, UnlockTryError> {
        let said = pb::UnlockTry::decode(statement.body.clone()).map_err(|_| field("statement"))?;
        PairId::try_from(&said.pair_id).map_err(|_| field("pair_id"))
    }

    /// Signs it for a connection.
    #[must_use]
    pub fn sign(&self, unlock_key: &SigningKey, exporter: &[u8; 32]) -> SignedStatement {
        let said = pb::UnlockTry {
            pair_id: self.pair.to_wire(),
            try_id: self.id.to_wire(),
            blinded: self.blinded.to_vec().into(),
            exporter: exporter.to_vec().into(),
        };
        sign_statement(unlock_key, StatementLabel::UnlockTry, &said, None)
    }

    /// Checks a statement against the unlock key of its pair and the connection it came on.
    ///
    /// # Errors
    /// [`UnlockTryError`].
    pub fn verify(
        statement: &SignedStatement,
        unlock_key: &PublicKey,
        exporter: &[u8; 32],
    ) -> Result<Self, UnlockTryError> {
        let body = verify_statement(unlock_key, None, StatementLabel::UnlockTry, statement)?;
        let said = pb::UnlockTry::decode(body).map_err(|_| field("statement"))?;
        made_on(&said.exporter, exporter)?;
        Ok(Self {
            pair: PairId::try_from(&said.pair_id).map_err(|_| field("pair_id"))?,
            id: TryId::try_from(&said.try_id).map_err(|_| field("try_id"))?,
            blinded: said.blinded.as_ref().try_into().map_err(|_| field("blinded"))?,
        })
    }
}

/// A device has opened its vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnlockConfirmation {
    /// The pair.
    pub pair: PairId,
    /// The try that opened it.
    pub by: TryId,
    /// The vault's generation, from 1.
    pub generation: u64,
}

impl UnlockConfirmation {
    /// The pair that a statement says it is for; nothing of it is checked yet.
    ///
    /// # Errors
    /// [`UnlockTryError::Field`].
    pub fn named(statement: &SignedStatement) -> Result<PairId, UnlockTryError> {
        let said =
            pb::UnlockConfirmation::decode(statement.body.clone()).map_err(|_| field("confirmation"))?;
        PairId::try_from(&said.pair_id).map_err(|_| field("pair_id"))
    }

    /// Signs it for a connection, with the key of the certificate.
    #[must_use]
    pub fn sign(
        &self,
        (key, certificate): (&SigningKey, &DeviceCertificate),
        exporter: &[u8; 32],
    ) -> SignedStatement {
        let said = pb::UnlockConfirmation {
            pair_id: self.pair.to_wire(),
            try_id: self.by.to_wire(),
            generation: self.generation,
            exporter: exporter.to_vec().into(),
        };
        sign_statement(key, StatementLabel::UnlockConfirmation, &said, Some(certificate.der()))
    }

    /// Checks a statement against a certificate of the pair's device and the connection it came on.
    ///
    /// # Errors
    /// [`UnlockTryError`].
    pub fn verify(
        statement: &SignedStatement,
        certificate: &DeviceCertificate,
        exporter: &[u8; 32],
    ) -> Result<Self, UnlockTryError> {
        let body = certificate.verify_statement(StatementLabel::UnlockConfirmation, statement)?;
        let said = pb::UnlockConfirmation::decode(body).map_err(|_| field("confirmation"))?;
        made_on(&said.exporter, exporter)?;
        Ok(Self {
            pair: PairId::try_from(&said.pair_id).map_err(|_| field("pair_id"))?,
            by: TryId::try_from(&said.try_id).map_err(|_| field("try_id"))?,
            generation: said.generation,
        })
    }
}

/// Whether a statement was signed for this connection.
fn made_on(said: &[u8], exporter: &[u8; 32]) -> Result<(), UnlockTryError> {
    let said: [u8; 32] = said.try_into().map_err(|_| field("exporter"))?;
    if bool::from(said.ct_eq(exporter)) { Ok(()) } else { Err(UnlockTryError::OtherConnection) }
}

const fn field(field: &'static str) -> UnlockTryError {
    UnlockTryError::Field { field }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRY: UnlockTry =
        UnlockTry { pair: PairId::from_bytes([1; 16]), id: TryId::from_bytes([2; 16]), blinded: [3; 32] };

    #[test]
    fn a_try_counts_for_its_pair_and_on_its_connection_only() {
        let (key, other) = (SigningKey::from_seed([1; 32]), SigningKey::from_seed([2; 32]));
        let signed = TRY.sign(&key, &[7; 32]);
        assert_eq!(UnlockTry::named(&signed), Ok(TRY.pair));
        assert_eq!(UnlockTry::verify(&signed, &key.public(), &[7; 32]), Ok(TRY));
        let elsewhere = UnlockTry::verify(&signed, &key.public(), &[8; 32]);
        assert_eq!(elsewhere, Err(UnlockTryError::OtherConnection));
        let forged = UnlockTry::verify(&signed, &other.public(), &[7; 32]);
        assert!(matches!(forged, Err(UnlockTryError::Statement(_))));
    }

    #[test]
    fn a_try_with_a_field_of_the_wrong_length_is_none() {
        let key = SigningKey::from_seed([1; 32]);
        for which in ["pair_id", "try_id", "blinded", "exporter"] {
            let mut said = pb::UnlockTry {
                pair_id: vec![1; 16].into(),
                try_id: vec![2; 16].into(),
                blinded: vec![3; 32].into(),
                exporter: vec![7; 32].into(),
            };
            match which {
                "pair_id" => said.pair_id = vec![1; 15].into(),
                "try_id" => said.try_id = vec![1; 17].into(),
                "blinded" => said.blinded = vec![].into(),
                _ => said.exporter = vec![1; 31].into(),
            }
            let signed = sign_statement(&key, StatementLabel::UnlockTry, &said, None);
            let refused = UnlockTry::verify(&signed, &key.public(), &[7; 32]);
            assert_eq!(refused, Err(UnlockTryError::Field { field: which }));
        }
    }
}
