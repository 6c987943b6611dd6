//! What a relay does for a client: a parameter of the session, so that whole scenes run in one process.

use async_trait::async_trait;
use futures::stream::BoxStream;
use wardline_proto::relay::{
    AckRequest, AckResponse, AskMembersRequest, AskMembersResponse, CancelInvitationRequest,
    CancelInvitationResponse, ClaimKeyPackagesRequest, ClaimKeyPackagesResponse, CommitRequest,
    CommitResponse, ConfirmRemovalRequest, ConfirmRemovalResponse, ConfirmUnlockRequest,
    ConfirmUnlockResponse, CountKeyPackagesRequest, CountKeyPackagesResponse, CreateConversationRequest,
    CreateConversationResponse, EnrolRequest, EnrolResponse, EvaluateRequest, EvaluateResponse,
    GetInvitationRequest, GetInvitationResponse, GetIssuersListRequest, GetIssuersListResponse,
    GetOrganisationRequest, GetOrganisationResponse, GetPeriodSecretsRequest, GetPeriodSecretsResponse,
    GetRecordProofRequest, GetRecordProofResponse, GetRecordRequest, GetRecordResponse, GetRemovalsRequest,
    GetRemovalsResponse, GetRevocationListRequest, GetRevocationListResponse, GetWinnerRequest,
    GetWinnerResponse, HoldDevicesRequest, HoldDevicesResponse, IssueCertificateRequest,
    IssueCertificateResponse, IssueRelayCertificatesRequest, IssueRelayCertificatesResponse,
    IssueRenewalRequest, IssueRenewalResponse, ListDevicesRequest, ListDevicesResponse,
    ListEnrolmentsRequest, ListEnrolmentsResponse, ListInvitationsRequest, ListInvitationsResponse,
    ListPeopleRequest, ListPeopleResponse, MakePairRequest, MakePairResponse, PublishInvitationRequest,
    PublishInvitationResponse, PublishIssuersListRequest, PublishIssuersListResponse,
    PublishKeyPackagesRequest, PublishKeyPackagesResponse, PublishRevocationListRequest,
    PublishRevocationListResponse, RefuseEnrolmentRequest, RefuseEnrolmentResponse, RenewCertificateRequest,
    RenewCertificateResponse, ReportOutOfStepRequest, ReportOutOfStepResponse, RequestIssuerRequest,
    RequestIssuerResponse, SendRequest, SendResponse, SubscribeRequest, SubscribeResponse,
};

use super::RelayError;

/// A stream of events. It ends with its connection, and with its first error.
pub type Subscription = BoxStream<'static, Result<SubscribeResponse, RelayError>>;

/// One connection to a relay. What each call does and permits is written in `proto/wardline/relay/v1`.
///
/// Every call may be repeated after any error: the relay knows what it has seen.
///
/// # Errors
/// Every call: [`RelayError`].
#[async_trait]
#[expect(missing_docs, reason = "the .proto files carry the docs of the calls")]
pub trait Relay: Send + Sync {
    /// The TLS exporter of this connection, over which an enrolment claim is signed.
    fn exporter(&self) -> [u8; 32];

    async fn get_invitation(
        &self,
        request: GetInvitationRequest,
    ) -> Result<GetInvitationResponse, RelayError>;
    async fn enrol(&self, request: EnrolRequest) -> Result<EnrolResponse, RelayError>;

    async fn publish_invitation(
        &self,
        request: PublishInvitationRequest,
    ) -> Result<PublishInvitationResponse, RelayError>;
    async fn list_invitations(
        &self,
        request: ListInvitationsRequest,
    ) -> Result<ListInvitationsResponse, RelayError>;
    async fn cancel_invitation(
        &self,
        request: CancelInvitationRequest,
    ) -> Result<CancelInvitationResponse, RelayError>;
    async fn list_enrolments(
        &self,
        request: ListEnrolmentsRequest,
    ) -> Result<ListEnrolmentsResponse, RelayError>;
    async fn issue_certificate(
        &self,
        request: IssueCertificateRequest,
    ) -> Result<IssueCertificateResponse, RelayError>;
    async fn refuse_enrolment(
        &self,
        request: RefuseEnrolmentRequest,
    ) -> Result<RefuseEnrolmentResponse, RelayError>;
    async fn request_issuer(
        &self,
        request: RequestIssuerRequest,
    ) -> Result<RequestIssuerResponse, RelayError>;

    async fn renew_certificate(
        &self,
        request: RenewCertificateRequest,
    ) -> Result<RenewCertificateResponse, RelayError>;
    async fn issue_renewal(&self, request: IssueRenewalRequest) -> Result<IssueRenewalResponse, RelayError>;

    async fn make_pair(&self, request: MakePairRequest) -> Result<MakePairResponse, RelayError>;
    async fn evaluate(&self, request: EvaluateRequest) -> Result<EvaluateResponse, RelayError>;
    async fn get_period_secrets(
        &self,
        request: GetPeriodSecretsRequest,
    ) -> Result<GetPeriodSecretsResponse, RelayError>;
    async fn confirm_unlock(
        &self,
        request: ConfirmUnlockRequest,
    ) -> Result<ConfirmUnlockResponse, RelayError>;

    async fn issue_relay_certificates(
        &self,
        request: IssueRelayCertificatesRequest,
    ) -> Result<IssueRelayCertificatesResponse, RelayError>;

    async fn get_organisation(
        &self,
        request: GetOrganisationRequest,
    ) -> Result<GetOrganisationResponse, RelayError>;
    async fn list_people(&self, request: ListPeopleRequest) -> Result<ListPeopleResponse, RelayError>;

    async fn get_issuers_list(
        &self,
        request: GetIssuersListRequest,
    ) -> Result<GetIssuersListResponse, RelayError>;
    async fn publish_issuers_list(
        &self,
        request: PublishIssuersListRequest,
    ) -> Result<PublishIssuersListResponse, RelayError>;

    async fn publish_key_packages(
        &self,
        request: PublishKeyPackagesRequest,
    ) -> Result<PublishKeyPackagesResponse, RelayError>;
    async fn claim_key_packages(
        &self,
        request: ClaimKeyPackagesRequest,
    ) -> Result<ClaimKeyPackagesResponse, RelayError>;
    async fn count_key_packages(
        &self,
        request: CountKeyPackagesRequest,
    ) -> Result<CountKeyPackagesResponse, RelayError>;

    async fn create_conversation(
        &self,
        request: CreateConversationRequest,
    ) -> Result<CreateConversationResponse, RelayError>;
    async fn commit(&self, request: CommitRequest) -> Result<CommitResponse, RelayError>;
    async fn send(&self, request: SendRequest) -> Result<SendResponse, RelayError>;
    async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, RelayError>;
    async fn ack(&self, request: AckRequest) -> Result<AckResponse, RelayError>;
    async fn get_winner(&self, request: GetWinnerRequest) -> Result<GetWinnerResponse, RelayError>;

    async fn report_out_of_step(
        &self,
        request: ReportOutOfStepRequest,
    ) -> Result<ReportOutOfStepResponse, RelayError>;
    async fn ask_members(&self, request: AskMembersRequest) -> Result<AskMembersResponse, RelayError>;

    async fn publish_revocation_list(
        &self,
        request: PublishRevocationListRequest,
    ) -> Result<PublishRevocationListResponse, RelayError>;
    async fn hold_devices(&self, request: HoldDevicesRequest) -> Result<HoldDevicesResponse, RelayError>;
    async fn get_revocation_list(
        &self,
        request: GetRevocationListRequest,
    ) -> Result<GetRevocationListResponse, RelayError>;
    async fn list_devices(&self, request: ListDevicesRequest) -> Result<ListDevicesResponse, RelayError>;
    async fn get_removals(&self, request: GetRemovalsRequest) -> Result<GetRemovalsResponse, RelayError>;
    async fn confirm_removal(
        &self,
        request: ConfirmRemovalRequest,
    ) -> Result<ConfirmRemovalResponse, RelayError>;

    async fn get_record(&self, request: GetRecordRequest) -> Result<GetRecordResponse, RelayError>;
    async fn get_record_proof(
        &self,
        request: GetRecordProofRequest,
    ) -> Result<GetRecordProofResponse, RelayError>;
}
