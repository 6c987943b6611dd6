//! An invitation as the relay holds it, and the steps that its state permits.

use wardline_proto::relay::SignedStatement;
use wardline_proto::{InvitationId, UtcMillis};

use super::{Enrolment, EnrolmentStatus, NewClaim, OrganisationRefusal, PlaceInLine};

/// An invitation with what became of it, read in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredInvitation {
    /// Its id.
    pub id: InvitationId,
    /// The `InvitationRecord`, as an issuer signed it.
    pub record: SignedStatement,
    /// When it was published.
    pub published_at: UtcMillis,
    /// When an issuer withdrew it.
    pub cancelled_at: Option<UtcMillis>,
    /// The first good claim.
    pub enrolment: Option<Enrolment>,
}

/// What became of an invitation; time apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationFate {
    /// Nobody has used it.
    Open,
    /// A device has claimed it.
    Spent,
    /// An issuer withdrew it.
    Cancelled,
}

/// What a permitted step asks of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// It was made before: nothing to write.
    Made(T),
    /// Write it, in the same transaction.
    Make,
}

impl StoredInvitation {
    /// What became of it.
    #[must_use]
    pub fn fate(&self) -> InvitationFate {
        match (&self.enrolment, self.cancelled_at) {
            (Some(_), _) => InvitationFate::Spent,
            (None, Some(_)) => InvitationFate::Cancelled,
            (None, None) => InvitationFate::Open,
        }
    }

    /// Where its claim stands among those that wait; `None` without one.
    #[must_use]
    pub fn place_in_line(&self) -> Option<PlaceInLine> {
        self.enrolment.as_ref().map(|enrolment| (enrolment.claimed_at, self.id))
    }

    /// Whether somebody who holds the link may look at it at `now`: also after its expiry, if it was used
    /// before, since that device may be coming back for its certificate.
    ///
    /// # Errors
    /// [`OrganisationRefusal::InvitationExpired`], [`OrganisationRefusal::InvitationCancelled`].
    pub fn look(&self, expires_at: UtcMillis, now: UtcMillis) -> Result<(), OrganisationRefusal> {
        match self.fate() {
            InvitationFate::Spent => Ok(()),
            InvitationFate::Cancelled => Err(OrganisationRefusal::InvitationCancelled),
            InvitationFate::Open if expires_at <= now => Err(OrganisationRefusal::InvitationExpired),
            InvitationFate::Open => Ok(()),
        }
    }

    /// The first device spends the invitation; the same device, with the same key, gets its answer again.
    ///
    /// # Errors
    /// [`OrganisationRefusal::InvitationSpent`] for another device, else as [`StoredInvitation::look`].
    pub fn claim(
        &self,
        claim: &NewClaim,
        expires_at: UtcMillis,
        now: UtcMillis,
    ) -> Result<Step<EnrolmentStatus>, OrganisationRefusal> {
        match &self.enrolment {
            Some(enrolment) if enrolment.is_by(claim) => Ok(Step::Made(enrolment.status.clone())),
            Some(_) => Err(OrganisationRefusal::InvitationSpent),
            None => self.look(expires_at, now).map(|()| Step::Make),
        }
    }

    /// An issuer withdraws the invitation.
    ///
    /// # Errors
    /// [`OrganisationRefusal::InvitationSpent`]: a device has claimed it; refuse the enrolment instead.
    pub fn cancel(&self) -> Result<Step<()>, OrganisationRefusal> {
        match self.fate() {
            InvitationFate::Open => Ok(Step::Make),
            InvitationFate::Cancelled => Ok(Step::Made(())),
            InvitationFate::Spent => Err(OrganisationRefusal::InvitationSpent),
        }
    }

    /// An issuer hands in the certificate.
    ///
    /// # Errors
    /// [`OrganisationRefusal::EnrolmentUnknown`]: none waits, or it was judged otherwise.
    pub fn issue(&self, certificate: &[u8]) -> Result<Step<()>, OrganisationRefusal> {
        match self.enrolment.as_ref().map(|enrolment| &enrolment.status) {
            Some(EnrolmentStatus::Waiting) => Ok(Step::Make),
            Some(EnrolmentStatus::Issued { certificate: issued }) if issued == certificate => {
                Ok(Step::Made(()))
            }
            _ => Err(OrganisationRefusal::EnrolmentUnknown),
        }
    }

    /// An issuer turns the request down. The first reason stays.
    ///
    /// # Errors
    /// [`OrganisationRefusal::EnrolmentUnknown`]: none waits, or its certificate is issued.
    pub fn refuse(&self) -> Result<Step<()>, OrganisationRefusal> {
        match self.enrolment.as_ref().map(|enrolment| &enrolment.status) {
            Some(EnrolmentStatus::Waiting) => Ok(Step::Make),
            Some(EnrolmentStatus::Refused { .. }) => Ok(Step::Made(())),
            _ => Err(OrganisationRefusal::EnrolmentUnknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_proto::DeviceId;

    const EXPIRES: UtcMillis = UtcMillis::new(2_000);
    const BEFORE: UtcMillis = UtcMillis::new(1_999);
    const AFTER: UtcMillis = EXPIRES;

    fn open() -> StoredInvitation {
        StoredInvitation {
            id: InvitationId::from_bytes([1; 16]),
            record: SignedStatement::default(),
            published_at: UtcMillis::new(1_000),
            cancelled_at: None,
            enrolment: None,
        }
    }

    fn cancelled() -> StoredInvitation {
        StoredInvitation { cancelled_at: Some(BEFORE), ..open() }
    }

    fn spent(status: EnrolmentStatus) -> StoredInvitation {
        let NewClaim { device, key, statement } = phone();
        let enrolment = Enrolment { device, key, claim: statement, claimed_at: BEFORE, status };
        StoredInvitation { enrolment: Some(enrolment), ..open() }
    }

    fn phone() -> NewClaim {
        NewClaim {
            device: DeviceId::from_bytes([2; 16]),
            key: vec![3; 32],
            statement: SignedStatement::default(),
        }
    }

    fn issued() -> EnrolmentStatus {
        EnrolmentStatus::Issued { certificate: vec![4] }
    }

    fn refused() -> EnrolmentStatus {
        EnrolmentStatus::Refused { reason: "not you".to_owned() }
    }

    #[test]
    fn the_first_device_spends_an_invitation_until_the_instant_it_expires() {
        assert_eq!(open().claim(&phone(), EXPIRES, BEFORE), Ok(Step::Make));
        assert_eq!(open().claim(&phone(), EXPIRES, AFTER), Err(OrganisationRefusal::InvitationExpired));
        assert_eq!(
            cancelled().claim(&phone(), EXPIRES, BEFORE),
            Err(OrganisationRefusal::InvitationCancelled)
        );
    }

    #[test]
    fn the_same_device_gets_its_answer_again_even_after_expiry() {
        for status in [EnrolmentStatus::Waiting, issued(), refused()] {
            assert_eq!(spent(status.clone()).claim(&phone(), EXPIRES, AFTER), Ok(Step::Made(status)));
        }
    }

    #[test]
    fn another_key_or_another_id_finds_the_invitation_spent() {
        let other_key = NewClaim { key: vec![9; 32], ..phone() };
        let other_id = NewClaim { device: DeviceId::from_bytes([9; 16]), ..phone() };
        for other in [other_key, other_id] {
            let answer = spent(EnrolmentStatus::Waiting).claim(&other, EXPIRES, BEFORE);
            assert_eq!(answer, Err(OrganisationRefusal::InvitationSpent));
        }
    }

    #[test]
    fn only_an_unused_invitation_can_be_cancelled() {
        assert_eq!(open().cancel(), Ok(Step::Make));
        assert_eq!(cancelled().cancel(), Ok(Step::Made(())));
        assert_eq!(spent(issued()).cancel(), Err(OrganisationRefusal::InvitationSpent));
    }

    #[test]
    fn only_a_waiting_request_can_be_judged_and_only_once() {
        let unknown = Err(OrganisationRefusal::EnrolmentUnknown);
        assert_eq!(spent(EnrolmentStatus::Waiting).issue(&[4]), Ok(Step::Make));
        assert_eq!(spent(issued()).issue(&[4]), Ok(Step::Made(())));
        assert_eq!(spent(issued()).issue(&[5]), unknown);
        assert_eq!(spent(refused()).issue(&[4]), unknown);
        assert_eq!(open().issue(&[4]), unknown);
        assert_eq!(spent(EnrolmentStatus::Waiting).refuse(), Ok(Step::Make));
        assert_eq!(spent(refused()).refuse(), Ok(Step::Made(())));
        assert_eq!(spent(issued()).refuse(), unknown);
        assert_eq!(cancelled().refuse(), unknown);
    }

    #[test]
    fn an_unused_invitation_shows_itself_only_while_it_can_be_used() {
        assert_eq!(open().look(EXPIRES, BEFORE), Ok(()));
        assert_eq!(open().look(EXPIRES, AFTER), Err(OrganisationRefusal::InvitationExpired));
        assert_eq!(cancelled().look(EXPIRES, BEFORE), Err(OrganisationRefusal::InvitationCancelled));
        assert_eq!(spent(EnrolmentStatus::Waiting).look(EXPIRES, AFTER), Ok(()));
    }
}
