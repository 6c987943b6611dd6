//! A relay that says what it is told to: for what a client makes of whatever comes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::{StreamExt as _, future::BoxFuture, stream};
use wardline_client_core::{
    api::{Connected, Connector},
    relay::{Relay, RelayError, Subscription},
};
use wardline_identity::{
    DateCheck, DeviceKey, ExporterCheck, OprfKey, SeededEntropy, StatementLabel, sign_statement,
};
use wardline_proto::relay::{self as pb, SubscribeResponse};

use crate::{
    certificates::request_key,
    house::EXPORTER,
    samples::record_of,
    world::{NOW, WORLD},
};

/// The relay, and its own connector.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    /// Said at the next subscription; the one after it hears nothing.
    events: Vec<SubscribeResponse>,
    /// What the client published.
    packages: Vec<bytes::Bytes>,
}

impl Script {
    /// Has it say this next.
    pub(crate) fn say(&self, events: Vec<SubscribeResponse>) {
        self.lines().events = events;
    }

    /// The first package that the client published.
    pub(crate) fn package(&self) -> Vec<u8> {
        self.lines().packages.first().expect("a package").to_vec()
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connector for Script {
    fn connect(&self) -> BoxFuture<'_, Result<Connected, RelayError>> {
        Box::pin(async { Ok((Arc::new(self.clone()) as Arc<dyn Relay>, "quic")) })
    }
}

/// The relay's greeting, as it must be.
pub(crate) fn greeting() -> pb::RelayGreeting {
    let certificate = crate::target::samples_named("certificate", "relay");
    let time = pb::RelayTime { time: Some(NOW.into()), issuers_list_number: 1, ..pb::RelayTime::default() };
    pb::RelayGreeting {
        versions: Some(pb::VersionRange { lowest: 1, highest: 1 }),
        time: Some(sign_statement(&request_key(), StatementLabel::RelayTime, &time, Some(&certificate))),
        relay_certificate: certificate.into(),
    }
}

/// The key of every vault's pair.
fn oprf_key() -> OprfKey {
    OprfKey::from_bytes(&[43; 32]).expect("a key")
}

/// The same of each period.
fn period_secret(period_ends_ms: u64) -> pb::PeriodSecret {
    pb::PeriodSecret { period_ends_ms, secret: vec![45; 32].into() }
}

fn silent<T>() -> Result<T, RelayError> {
    Err(RelayError::Unavailable { source: "the relay is not there".into(), retry_after: None })
}

macro_rules! script {
    ($($call:ident: $request:ident -> $response:ident,)*) => {
        #[async_trait]
        impl Relay for Script {
            fn exporter(&self) -> [u8; 32] {
                EXPORTER
            }

            async fn get_invitation(
                &self,
                _: pb::GetInvitationRequest,
            ) -> Result<pb::GetInvitationResponse, RelayError> {
                Ok(pb::GetInvitationResponse {
                    greeting: Some(greeting()),
                    record: Some(record_of(&WORLD.invitation, bytes::Bytes::new())),
                    organisation: Some(WORLD.wire.clone()),
                })
            }

            async fn enrol(&self, request: pb::EnrolRequest) -> Result<pb::EnrolResponse, RelayError> {
                let record = record_of(&WORLD.invitation, bytes::Bytes::new());
                let record = WORLD.organisation.verify_invitation(&record, DateCheck::Skip).expect("a record");
                let claim = record.verify_claim(&request.claim.expect("a claim"), ExporterCheck::Skip);
                let claim = claim.expect("a claim");
                let (subject, key): (_, &DeviceKey) = (record.device_subject(&claim), claim.key());
                let certified = WORLD.issuer.certify_device(&subject, key, &SeededEntropy::new(40), NOW);
                let certificate = certified.expect("a certificate").into();
                let state = pb::EnrolmentState::Issued.into();
                Ok(pb::EnrolResponse { state, certificate, ..pb::EnrolResponse::default() })
            }

            async fn make_pair(&self, _: pb::MakePairRequest) -> Result<pb::MakePairResponse, RelayError> {
                let public_key = oprf_key().public().expect("a key").to_vec().into();
                Ok(pb::MakePairResponse { public_key })
            }

            async fn evaluate(&self, request: pb::EvaluateRequest) -> Result<pb::EvaluateResponse, RelayError> {
                let body = request.r#try.expect("a try").body;
                let tried: pb::UnlockTry = prost::Message::decode(body).expect("a try");
                let blinded = tried.blinded.as_ref().try_into().expect("an element");
                let evaluated = oprf_key().evaluate(blinded, &SeededEntropy::new(44)).expect("an element");
                Ok(pb::EvaluateResponse {
                    evaluated: evaluated.element.to_vec().into(),
                    proof: evaluated.proof.to_vec().into(),
                    greeting: Some(greeting()),
                    tries_left: 9,
                })
            }

            async fn confirm_unlock(
                &self,
                request: pb::ConfirmUnlockRequest,
            ) -> Result<pb::ConfirmUnlockResponse, RelayError> {
                let secrets = request.period_ends_ms.into_iter().map(period_secret).collect();
                Ok(pb::ConfirmUnlockResponse { secrets, struck: false })
            }

            async fn get_period_secrets(
                &self,
                request: pb::GetPeriodSecretsRequest,
            ) -> Result<pb::GetPeriodSecretsResponse, RelayError> {
                let secrets = request.period_ends_ms.into_iter().map(period_secret).collect();
                Ok(pb::GetPeriodSecretsResponse { secrets })
            }

            async fn count_key_packages(
                &self,
                _: pb::CountKeyPackagesRequest,
            ) -> Result<pb::CountKeyPackagesResponse, RelayError> {
                let done = !self.lines().packages.is_empty();
                let full = pb::KeyPackageCount { cipher_suite: 0x4F, one_time: 100, unused_last_resort: true };
                let one = pb::KeyPackageCount { cipher_suite: 1, one_time: 99, unused_last_resort: done };
                Ok(pb::CountKeyPackagesResponse { counts: vec![full, one] })
            }

            async fn publish_key_packages(
                &self,
                request: pb::PublishKeyPackagesRequest,
            ) -> Result<pb::PublishKeyPackagesResponse, RelayError> {
                self.lines().packages.extend(request.key_packages);
                Ok(pb::PublishKeyPackagesResponse {})
            }

            async fn subscribe(&self, _: pb::SubscribeRequest) -> Result<Subscription, RelayError> {
                let events = std::mem::take(&mut self.lines().events);
                Ok(stream::iter(events.into_iter().map(Ok)).boxed())
            }

            $(
                async fn $call(&self, _: pb::$request) -> Result<pb::$response, RelayError> {
                    silent()
                }
            )*
        }
    };
}

script! {
    publish_invitation: PublishInvitationRequest -> PublishInvitationResponse,
    list_invitations: ListInvitationsRequest -> ListInvitationsResponse,
    cancel_invitation: CancelInvitationRequest -> CancelInvitationResponse,
    list_enrolments: ListEnrolmentsRequest -> ListEnrolmentsResponse,
    issue_certificate: IssueCertificateRequest -> IssueCertificateResponse,
    refuse_enrolment: RefuseEnrolmentRequest -> RefuseEnrolmentResponse,
    renew_certificate: RenewCertificateRequest -> RenewCertificateResponse,
    issue_renewal: IssueRenewalRequest -> IssueRenewalResponse,
    issue_relay_certificates: IssueRelayCertificatesRequest -> IssueRelayCertificatesResponse,
    request_issuer: RequestIssuerRequest -> RequestIssuerResponse,
    get_organisation: GetOrganisationRequest -> GetOrganisationResponse,
    get_issuers_list: GetIssuersListRequest -> GetIssuersListResponse,
    publish_issuers_list: PublishIssuersListRequest -> PublishIssuersListResponse,
    list_people: ListPeopleRequest -> ListPeopleResponse,
    claim_key_packages: ClaimKeyPackagesRequest -> ClaimKeyPackagesResponse,
    create_conversation: CreateConversationRequest -> CreateConversationResponse,
    commit: CommitRequest -> CommitResponse,
    send: SendRequest -> SendResponse,
    ack: AckRequest -> AckResponse,
    get_winner: GetWinnerRequest -> GetWinnerResponse,
    report_out_of_step: ReportOutOfStepRequest -> ReportOutOfStepResponse,
    ask_members: AskMembersRequest -> AskMembersResponse,
    publish_revocation_list: PublishRevocationListRequest -> PublishRevocationListResponse,
    hold_devices: HoldDevicesRequest -> HoldDevicesResponse,
    get_revocation_list: GetRevocationListRequest -> GetRevocationListResponse,
    list_devices: ListDevicesRequest -> ListDevicesResponse,
    get_removals: GetRemovalsRequest -> GetRemovalsResponse,
    confirm_removal: ConfirmRemovalRequest -> ConfirmRemovalResponse,
    get_record: GetRecordRequest -> GetRecordResponse,
    get_record_proof: GetRecordProofRequest -> GetRecordProofResponse,
}
