//! Invitations that cannot be used, and claims that are not what they say.

use std::time::Duration;

use tonic::Code;
use wardline_identity::{
    Clock as _, DateCheck, DeviceName, Invitation, Role, SigningKey, SystemClock, SystemEntropy,
    certificate_request, claim_statement, device_id_new,
};
use wardline_proto::{
    Reason,
    relay::{
        CancelInvitationRequest, EnrolRequest, GetInvitationRequest, PublishInvitationRequest,
        SignedStatement,
    },
};

use super::{
    Row, Trial,
    conversations::later,
    path::{CANCEL_INVITATION, ENROL, GET_INVITATION, PUBLISH_INVITATION},
};
use crate::{
    house::{Caller, House, greeting},
    talk::random,
};

type Refusal = (Code, Reason);
const UNKNOWN: Refusal = (Code::NotFound, Reason::InvitationUnknown);
const EXPIRED: Refusal = (Code::FailedPrecondition, Reason::InvitationExpired);
const SPENT: Refusal = (Code::FailedPrecondition, Reason::InvitationSpent);
const CANCELLED: Refusal = (Code::FailedPrecondition, Reason::InvitationCancelled);
const UPGRADE: Refusal = (Code::FailedPrecondition, Reason::UpgradeRequired);
const STATEMENT: Refusal = (Code::InvalidArgument, Reason::StatementInvalid);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);

/// A published invitation and a device that claims it.
pub(super) struct Claimant<'a> {
    house: &'a House,
    pub(super) invitation: Invitation,
    pub(super) record: SignedStatement,
}

impl<'a> Claimant<'a> {
    pub(super) async fn invited(house: &'a House) -> Self {
        Self::invited_for(house, 3_600).await
    }

    async fn invited_for(house: &'a House, seconds: u64) -> Self {
        let until = SystemClock.now().plus_seconds(seconds);
        let (invitation, record) = house.authority.invite("doctor-b", Role::Clinician, until);
        let publish = PublishInvitationRequest { record: Some(record.clone()) };
        house.good(Caller::Office, PUBLISH_INVITATION, &publish).await;
        Self { house, invitation, record }
    }

    /// A claim of a new device over this exporter, signed by this key.
    fn claim(&self, signer: &Invitation, exporter: &[u8; 32]) -> SignedStatement {
        let record = self.house.authority.organisation.verify_invitation(&self.record, DateCheck::Skip);
        let record = record.expect("a record");
        let key = SigningKey::generate(&SystemEntropy).expect("a key");
        let request = certificate_request(&key).expect("a request");
        let device = device_id_new(&SystemEntropy).expect("an id");
        let name = DeviceName::parse("phone").expect("a name");
        let claim = claim_statement(&self.invitation, &record, &request, device, &name, exporter);
        let claim = claim.expect("a claim");
        if signer.id() == self.invitation.id() {
            return claim;
        }
        let label = wardline_identity::StatementLabel::EnrolmentClaim;
        let signature = signer.key().sign(label, &claim.body).to_vec().into();
        SignedStatement { signature, ..claim }
    }

    /// A new device asks, over the stranger's connection.
    pub(super) async fn enrol(&self) -> EnrolRequest {
        let exporter = self.house.wire(Caller::Stranger).await.exporter;
        self.asking(self.claim(&self.invitation, &exporter))
    }

    fn asking(&self, claim: SignedStatement) -> EnrolRequest {
        let invitation_id = self.invitation.id().to_wire();
        EnrolRequest { greeting: greeting(), invitation_id, claim: Some(claim), wait_seconds: 0 }
    }

    fn looking(&self) -> GetInvitationRequest {
        GetInvitationRequest { greeting: greeting(), invitation_id: self.invitation.id().to_wire() }
    }

    async fn cancelled(house: &'a House) -> Self {
        let invited = Self::invited(house).await;
        let cancel = CancelInvitationRequest { invitation_id: invited.invitation.id().to_wire() };
        house.good(Caller::Office, CANCEL_INVITATION, &cancel).await;
        invited
    }

    async fn expired(house: &'a House) -> Self {
        let invited = Self::invited_for(house, 1).await;
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        invited
    }
}

fn look(input: &'static str, refusal: Refusal, change: fn(&mut GetInvitationRequest)) -> Row {
    Row::call(input, GET_INVITATION, refusal, move |house| {
        Box::pin(async move {
            let good = Claimant::invited(house).await.looking();
            let mut bad = good.clone();
            change(&mut bad);
            Trial::new(Caller::Stranger, &bad, &good)
        })
    })
}

fn ask(input: &'static str, refusal: Refusal, change: fn(&mut EnrolRequest)) -> Row {
    Row::call(input, ENROL, refusal, move |house| {
        Box::pin(async move {
            let good = Claimant::invited(house).await.enrol().await;
            let mut bad = good.clone();
            change(&mut bad);
            Trial::new(Caller::Stranger, &bad, &good)
        })
    })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        look("an unknown invitation", UNKNOWN, |request| request.invitation_id = random().to_vec().into()),
        look("an invitation_id of 15 bytes", FIELD, |request| request.invitation_id = vec![1; 15].into()),
        look("a protocol version that the relay does not speak", UPGRADE, |request| {
            request.greeting = later()
        }),
        look("no greeting", FIELD, |request| request.greeting = None),
        ask("an unknown invitation", UNKNOWN, |request| request.invitation_id = random().to_vec().into()),
        ask("a protocol version that the relay does not speak", UPGRADE, |request| {
            request.greeting = later()
        }),
        ask("a wait of 31 seconds", FIELD, |request| request.wait_seconds = 31),
        ask("no claim", FIELD, |request| request.claim = None),
        ask("a claim whose body is changed", STATEMENT, |request| {
            if let Some(claim) = &mut request.claim {
                let mut body = claim.body.to_vec();
                let last = body.len() - 1;
                body[last] ^= 1;
                claim.body = body.into();
            }
        }),
    ];
    rows.extend(fates());
    rows
}

fn fates() -> Vec<Row> {
    vec![
        Row::call("an invitation that has expired", GET_INVITATION, EXPIRED, |house| {
            Box::pin(async move {
                let (bad, good) = (Claimant::expired(house).await, Claimant::invited(house).await);
                Trial::new(Caller::Stranger, &bad.looking(), &good.looking())
            })
        }),
        Row::call("an invitation that was cancelled", GET_INVITATION, CANCELLED, |house| {
            Box::pin(async move {
                let (bad, good) = (Claimant::cancelled(house).await, Claimant::invited(house).await);
                Trial::new(Caller::Stranger, &bad.looking(), &good.looking())
            })
        }),
        Row::call("an invitation that has expired", ENROL, EXPIRED, |house| {
            Box::pin(async move {
                let (bad, good) = (Claimant::expired(house).await, Claimant::invited(house).await);
                Trial::new(Caller::Stranger, &bad.enrol().await, &good.enrol().await)
            })
        }),
        Row::call("an invitation that was cancelled", ENROL, CANCELLED, |house| {
            Box::pin(async move {
                let (bad, good) = (Claimant::cancelled(house).await, Claimant::invited(house).await);
                Trial::new(Caller::Stranger, &bad.enrol().await, &good.enrol().await)
            })
        }),
        Row::call("an invitation that another device has used", ENROL, SPENT, |house| Box::pin(spent(house))),
        Row::call("a claim over another connection", ENROL, STATEMENT, |house| Box::pin(replayed(house))),
        Row::call("a claim signed by another key", ENROL, STATEMENT, |house| Box::pin(forged(house))),
        Row::call("a claim to another invitation", ENROL, STATEMENT, |house| Box::pin(elsewhere(house))),
    ]
}

async fn spent(house: &House) -> Trial {
    let invited = Claimant::invited(house).await;
    let first = invited.enrol().await;
    house.good(Caller::Stranger, ENROL, &first).await;
    // The first device comes back and is answered.
    Trial::new(Caller::Stranger, &invited.enrol().await, &first)
}

/// What somebody between could do who saw a claim go by.
async fn replayed(house: &House) -> Trial {
    let invited = Claimant::invited(house).await;
    let exporter = house.wire(Caller::Nurse).await.exporter;
    let elsewhere = invited.asking(invited.claim(&invited.invitation, &exporter));
    Trial::new(Caller::Stranger, &elsewhere, &invited.enrol().await)
}

async fn forged(house: &House) -> Trial {
    let invited = Claimant::invited(house).await;
    let other = Claimant::invited(house).await;
    let exporter = house.wire(Caller::Stranger).await.exporter;
    let forged = invited.asking(invited.claim(&other.invitation, &exporter));
    Trial::new(Caller::Stranger, &forged, &invited.enrol().await)
}

async fn elsewhere(house: &House) -> Trial {
    let (here, there) = (Claimant::invited(house).await, Claimant::invited(house).await);
    let claim = there.enrol().await.claim;
    let bad = EnrolRequest { claim, ..here.enrol().await };
    Trial::new(Caller::Stranger, &bad, &here.enrol().await)
}
