//! A device's request to be an issuer's machine: what the root's holder certifies from afar.
//!
//! The issuer's key is made on the device and stays there. The device signs who it is and proves that it holds the key; whoever holds
//! the root judges that with public data and the newest list of revoked devices, and trusts nothing that the relay says. That the
//! person is who they say, a code tells that both compare.

use prost::Message as _;
use wardline_proto::relay::{self as pb, SignedStatement};
use wardline_proto::{DeviceId, UtcMillis, fault};

use crate::{
    AuthorityError, DateCheck, DeviceCertificate, DeviceKey, IssuerRequestError, Organisation,
    OrganisationId, PublicKey, RevocationRegister, SigningKey, StatementError, StatementLabel, UserId,
    certificate_request, sign_statement, verify_certificate_request,
};

/// How long a request counts, in seconds: seven days.
pub const ISSUER_REQUEST_SECONDS: u64 = 7 * 86_400;

/// A device's clock may be so far ahead, in seconds.
const AHEAD_SECONDS: u64 = 86_400;

/// A request that was verified, but for whether its device is out ([`IssuerRequest::permits`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerRequest {
    organisation: OrganisationId,
    user: UserId,
    device: DeviceId,
    key: PublicKey,
    requested_at: UtcMillis,
    signer: DeviceCertificate,
}

impl IssuerRequest {
    /// Asks for `key` to be an issuer's, as the device with this key and certificate.
    ///
    /// # Errors
    /// [`AuthorityError::Encoding`]: a defect of ours.
    pub fn sign(
        key: &SigningKey,
        (device_key, certificate): (&SigningKey, &DeviceCertificate),
        now: UtcMillis,
    ) -> Result<SignedStatement, AuthorityError> {
        let said = pb::IssuerRequest {
            organisation_id: certificate.organisation().to_string(),
            user_id: certificate.user().to_string(),
            device_id: certificate.device().to_wire(),
            certificate_request: certificate_request(key)?.into(),
            requested_at: Some(now.into()),
        };
        Ok(sign_statement(device_key, StatementLabel::IssuerRequest, &said, Some(certificate.der())))
    }

    /// Checks a request: by a device of an administrator or registrar that is in force now, about itself and its person, with a key
    /// that it holds, and not too old.
    ///
    /// # Errors
    /// [`IssuerRequestError`], but for [`IssuerRequestError::DeviceOut`].
    pub fn verify(
        organisation: &Organisation,
        statement: &SignedStatement,
        signer_der: &[u8],
        now: UtcMillis,
    ) -> Result<Self, IssuerRequestError> {
        let field = |field| IssuerRequestError::Field { field };
        // 1. Who signed it.
        let signer = organisation
            .verify_device(signer_der, DateCheck::At(now))
            .map_err(IssuerRequestError::Certificate)?;
        if !fault::planted("mutant.issuer_request_forged") {
            signer.verify_statement(StatementLabel::IssuerRequest, statement)?;
        }
        // 2. What it says, to the byte.
        let said = pb::IssuerRequest::decode(statement.body.clone())
            .map_err(|_| IssuerRequestError::Statement(StatementError::Undecodable))?;
        let named = OrganisationId::parse(&said.organisation_id).map_err(|_| field("organisation"))?;
        let user = UserId::parse(&said.user_id).map_err(|_| field("user"))?;
        let device = DeviceId::try_from(&said.device_id).map_err(|_| field("device"))?;
        let requested_at = said.requested_at.as_ref().map(UtcMillis::from).ok_or(field("time"))?;
        if said.encode_to_vec() != statement.body {
            return Err(field("end"));
        }
        // 3. About whom.
        if named != *organisation.id() {
            return Err(IssuerRequestError::ForeignOrganisation);
        }
        let own = user == *signer.user() && device == signer.device();
        if !own && !fault::planted("mutant.issuer_request_for_another") {
            return Err(IssuerRequestError::OtherPerson);
        }
        if !signer.role().may_issue() && !fault::planted("mutant.issuer_request_by_anybody") {
            return Err(IssuerRequestError::Role);
        }
        // 4. When.
        let over = requested_at.plus_seconds(ISSUER_REQUEST_SECONDS) <= now;
        let ahead = requested_at > now.plus_seconds(AHEAD_SECONDS);
        if (over || ahead) && !fault::planted("mutant.issuer_request_replayed") {
            return Err(IssuerRequestError::Time);
        }
        // 5. With what key.
        let key = verify_certificate_request(&said.certificate_request).map_err(IssuerRequestError::Key)?;
        let DeviceKey::Ed25519(key) = key else { return Err(IssuerRequestError::OtherKey) };
        if DeviceKey::Ed25519(key) == *signer.key() {
            return Err(IssuerRequestError::OtherKey);
        }
        Ok(Self { organisation: named, user, device, key, requested_at, signer })
    }

    /// Whether its device may still ask, by the newest list and the holds beside it.
    ///
    /// # Errors
    /// [`IssuerRequestError::DeviceOut`].
    pub fn permits(&self, register: &RevocationRegister, now: UtcMillis) -> Result<(), IssuerRequestError> {
        let out = register.standing(&self.device, now).is_out();
        if out && !fault::planted("mutant.issuer_request_of_out") {
            return Err(IssuerRequestError::DeviceOut);
        }
        Ok(())
    }

    /// The organisation.
    #[must_use]
    pub const fn organisation(&self) -> &OrganisationId {
        &self.organisation
    }

    /// Whose the issuer is to be.
    #[must_use]
    pub const fn user(&self) -> &UserId {
        &self.user
    }

    /// The device that asks.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// The issuer's key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// When it was signed, by the device's clock.
    #[must_use]
    pub const fn requested_at(&self) -> UtcMillis {
        self.requested_at
    }

    /// The certificate of the device that asks.
    #[must_use]
    pub const fn signer(&self) -> &DeviceCertificate {
        &self.signer
    }
}
