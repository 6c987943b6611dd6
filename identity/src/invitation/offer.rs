//! The secret side of an invitation.

use wardline_proto::relay::{self as pb, SignedStatement};
use wardline_proto::{DeviceId, Digest, InvitationId, UtcMillis};

use super::InvitationLink;
use crate::{
    AuthorityError, DisplayName, Entropy, IssuerAuthority, PublicKey, Role, RootFingerprint, SigningKey,
    StatementLabel, UserId,
};

/// Whom an invitation is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationSubject {
    /// The person or service.
    pub user: UserId,
    /// The name people see.
    pub display_name: DisplayName,
    /// What the device may do.
    pub role: Role,
}

/// An invitation's key. Whoever has it can claim the invitation: it goes to the person and nowhere else.
#[derive(Debug, Clone)]
pub struct Invitation {
    key: SigningKey,
}

impl Invitation {
    /// Makes an invitation and its record, signed by `issuer` for its organisation. The relay gets the record,
    /// the person the [link](Invitation::link).
    ///
    /// # Errors
    /// [`AuthorityError::Entropy`] if there is no randomness.
    pub fn create(
        issuer: &IssuerAuthority,
        subject: &InvitationSubject,
        expires_at: UtcMillis,
        entropy: &dyn Entropy,
    ) -> Result<(Self, SignedStatement), AuthorityError> {
        Self::make(issuer, subject, None, expires_at, entropy)
    }

    /// The same, for a device that replaces another of the person's: a member lets it into the conversations of that
    /// one by confirming it.
    ///
    /// # Errors
    /// [`AuthorityError::Entropy`] if there is no randomness.
    pub fn create_replacing(
        issuer: &IssuerAuthority,
        subject: &InvitationSubject,
        replaces: DeviceId,
        expires_at: UtcMillis,
        entropy: &dyn Entropy,
    ) -> Result<(Self, SignedStatement), AuthorityError> {
        Self::make(issuer, subject, Some(replaces), expires_at, entropy)
    }

    fn make(
        issuer: &IssuerAuthority,
        subject: &InvitationSubject,
        replaces: Option<DeviceId>,
        expires_at: UtcMillis,
        entropy: &dyn Entropy,
    ) -> Result<(Self, SignedStatement), AuthorityError> {
        let key = SigningKey::generate(entropy)?;
        let public = key.public();
        let record = pb::InvitationRecord {
            replaces_device_id: replaces.map(|device| device.to_wire()).unwrap_or_default(),
            invitation_id: invitation_id(&public).to_wire(),
            public_key: public.as_bytes().to_vec().into(),
            user_id: subject.user.as_str().to_owned(),
            display_name: subject.display_name.as_str().to_owned(),
            role: subject.role.into(),
            expires_at: Some(expires_at.into()),
            organisation_id: issuer.organisation().as_str().to_owned(),
        };
        Ok((Self { key }, issuer.sign(StatementLabel::InvitationRecord, &record)))
    }

    /// The invitation in a link.
    #[must_use]
    pub fn from_link(link: &InvitationLink) -> Self {
        Self { key: link.key() }
    }

    /// How relay and registrar call it.
    #[must_use]
    pub fn id(&self) -> InvitationId {
        invitation_id(&self.key.public())
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The link for the person: where the relay is, which root to trust, and the secret.
    #[must_use]
    pub fn link(&self, addresses: Vec<String>, root: RootFingerprint) -> InvitationLink {
        InvitationLink::new(addresses, root, &self.key)
    }
}

/// The first 16 bytes of SHA-256 of the public key.
pub(super) fn invitation_id(key: &PublicKey) -> InvitationId {
    let digest = Digest::of(key.as_bytes());
    let (head, _) = digest.as_bytes().split_at(InvitationId::LENGTH);
    InvitationId::try_from(head).expect("a digest has more bytes than an id")
}
