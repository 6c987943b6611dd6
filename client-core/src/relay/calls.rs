//! The calls, each with its deadline.

use std::time::Duration;

use async_trait::async_trait;
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
    RequestIssuerResponse, SendRequest, SendResponse, SubscribeRequest,
};

use super::{
    Relay, RelayConnection, RelayError, Subscription,
    connection::{ANSWER, request},
};

/// For requests of megabytes, on a ward's worst network.
const LARGE: Duration = Duration::from_secs(60);

/// For answers that the relay holds back for up to so many seconds: it never holds back longer than 30.
fn held_back(seconds: u32) -> Duration {
    ANSWER + Duration::from_secs(seconds.min(30).into())
}

#[async_trait]
impl Relay for RelayConnection {
    fn exporter(&self) -> [u8; 32] {
        Self::exporter(self)
    }

    async fn get_invitation(
        &self,
        message: GetInvitationRequest,
    ) -> Result<GetInvitationResponse, RelayError> {
        self.answer(ANSWER, self.enrolment().get_invitation(request(message, ANSWER))).await
    }

    async fn enrol(&self, message: EnrolRequest) -> Result<EnrolResponse, RelayError> {
        let within = held_back(message.wait_seconds);
        self.answer(within, self.enrolment().enrol(request(message, within))).await
    }

    async fn publish_invitation(
        &self,
        message: PublishInvitationRequest,
    ) -> Result<PublishInvitationResponse, RelayError> {
        self.answer(ANSWER, self.registrar().publish_invitation(request(message, ANSWER))).await
    }

    async fn list_invitations(
        &self,
        message: ListInvitationsRequest,
    ) -> Result<ListInvitationsResponse, RelayError> {
        self.answer(ANSWER, self.registrar().list_invitations(request(message, ANSWER))).await
    }

    async fn cancel_invitation(
        &self,
        message: CancelInvitationRequest,
    ) -> Result<CancelInvitationResponse, RelayError> {
        self.answer(ANSWER, self.registrar().cancel_invitation(request(message, ANSWER))).await
    }

    async fn list_enrolments(
        &self,
        message: ListEnrolmentsRequest,
    ) -> Result<ListEnrolmentsResponse, RelayError> {
        let within = held_back(message.wait_seconds);
        self.answer(within, self.registrar().list_enrolments(request(message, within))).await
    }

    async fn issue_certificate(
        &self,
        message: IssueCertificateRequest,
    ) -> Result<IssueCertificateResponse, RelayError> {
        self.answer(ANSWER, self.registrar().issue_certificate(request(message, ANSWER))).await
    }

    async fn refuse_enrolment(
        &self,
        message: RefuseEnrolmentRequest,
    ) -> Result<RefuseEnrolmentResponse, RelayError> {
        self.answer(ANSWER, self.registrar().refuse_enrolment(request(message, ANSWER))).await
    }

    async fn renew_certificate(
        &self,
        message: RenewCertificateRequest,
    ) -> Result<RenewCertificateResponse, RelayError> {
        self.answer(ANSWER, self.renewal().renew_certificate(request(message, ANSWER))).await
    }

    async fn issue_renewal(&self, message: IssueRenewalRequest) -> Result<IssueRenewalResponse, RelayError> {
        self.answer(ANSWER, self.renewal().issue_renewal(request(message, ANSWER))).await
    }

    async fn make_pair(&self, message: MakePairRequest) -> Result<MakePairResponse, RelayError> {
        self.answer(ANSWER, self.unlock().make_pair(request(message, ANSWER))).await
    }

    async fn evaluate(&self, message: EvaluateRequest) -> Result<EvaluateResponse, RelayError> {
        self.answer(ANSWER, self.unlock().evaluate(request(message, ANSWER))).await
    }

    async fn get_period_secrets(
        &self,
        message: GetPeriodSecretsRequest,
    ) -> Result<GetPeriodSecretsResponse, RelayError> {
        self.answer(ANSWER, self.unlock().get_period_secrets(request(message, ANSWER))).await
    }

    async fn confirm_unlock(
        &self,
        message: ConfirmUnlockRequest,
    ) -> Result<ConfirmUnlockResponse, RelayError> {
        self.answer(ANSWER, self.unlock().confirm_unlock(request(message, ANSWER))).await
    }

    async fn issue_relay_certificates(
        &self,
        message: IssueRelayCertificatesRequest,
    ) -> Result<IssueRelayCertificatesResponse, RelayError> {
        self.answer(ANSWER, self.renewal().issue_relay_certificates(request(message, ANSWER))).await
    }

    async fn request_issuer(
        &self,
        message: RequestIssuerRequest,
    ) -> Result<RequestIssuerResponse, RelayError> {
        self.answer(ANSWER, self.registrar().request_issuer(request(message, ANSWER))).await
    }

    async fn get_organisation(
        &self,
        message: GetOrganisationRequest,
    ) -> Result<GetOrganisationResponse, RelayError> {
        self.answer(ANSWER, self.directory().get_organisation(request(message, ANSWER))).await
    }

    async fn list_people(&self, message: ListPeopleRequest) -> Result<ListPeopleResponse, RelayError> {
        self.answer(ANSWER, self.directory().list_people(request(message, ANSWER))).await
    }

    async fn get_issuers_list(
        &self,
        message: GetIssuersListRequest,
    ) -> Result<GetIssuersListResponse, RelayError> {
        self.answer(LARGE, self.organisation().get_issuers_list(request(message, LARGE))).await
    }

    async fn publish_issuers_list(
        &self,
        message: PublishIssuersListRequest,
    ) -> Result<PublishIssuersListResponse, RelayError> {
        self.answer(LARGE, self.organisation().publish_issuers_list(request(message, LARGE))).await
    }

    async fn publish_key_packages(
        &self,
        message: PublishKeyPackagesRequest,
    ) -> Result<PublishKeyPackagesResponse, RelayError> {
        self.answer(LARGE, self.key_packages().publish_key_packages(request(message, LARGE))).await
    }

    async fn claim_key_packages(
        &self,
        message: ClaimKeyPackagesRequest,
    ) -> Result<ClaimKeyPackagesResponse, RelayError> {
        self.answer(ANSWER, self.key_packages().claim_key_packages(request(message, ANSWER))).await
    }

    async fn count_key_packages(
        &self,
        message: CountKeyPackagesRequest,
    ) -> Result<CountKeyPackagesResponse, RelayError> {
        self.answer(ANSWER, self.key_packages().count_key_packages(request(message, ANSWER))).await
    }

    async fn create_conversation(
        &self,
        message: CreateConversationRequest,
    ) -> Result<CreateConversationResponse, RelayError> {
        self.answer(ANSWER, self.conversations().create_conversation(request(message, ANSWER))).await
    }

    async fn commit(&self, message: CommitRequest) -> Result<CommitResponse, RelayError> {
        self.answer(LARGE, self.conversations().commit(request(message, LARGE))).await
    }

    async fn send(&self, message: SendRequest) -> Result<SendResponse, RelayError> {
        self.answer(ANSWER, self.conversations().send(request(message, ANSWER))).await
    }

    async fn ack(&self, message: AckRequest) -> Result<AckResponse, RelayError> {
        self.answer(ANSWER, self.conversations().ack(request(message, ANSWER))).await
    }

    async fn get_winner(&self, message: GetWinnerRequest) -> Result<GetWinnerResponse, RelayError> {
        self.answer(ANSWER, self.conversations().get_winner(request(message, ANSWER))).await
    }

    async fn report_out_of_step(
        &self,
        message: ReportOutOfStepRequest,
    ) -> Result<ReportOutOfStepResponse, RelayError> {
        self.answer(ANSWER, self.membership().report_out_of_step(request(message, ANSWER))).await
    }

    async fn ask_members(&self, message: AskMembersRequest) -> Result<AskMembersResponse, RelayError> {
        self.answer(ANSWER, self.membership().ask_members(request(message, ANSWER))).await
    }

    async fn publish_revocation_list(
        &self,
        message: PublishRevocationListRequest,
    ) -> Result<PublishRevocationListResponse, RelayError> {
        self.answer(LARGE, self.revocation().publish_revocation_list(request(message, LARGE))).await
    }

    async fn hold_devices(&self, message: HoldDevicesRequest) -> Result<HoldDevicesResponse, RelayError> {
        self.answer(ANSWER, self.revocation().hold_devices(request(message, ANSWER))).await
    }

    async fn get_revocation_list(
        &self,
        message: GetRevocationListRequest,
    ) -> Result<GetRevocationListResponse, RelayError> {
        self.answer(LARGE, self.revocation().get_revocation_list(request(message, LARGE))).await
    }

    async fn list_devices(&self, message: ListDevicesRequest) -> Result<ListDevicesResponse, RelayError> {
        self.answer(ANSWER, self.revocation().list_devices(request(message, ANSWER))).await
    }

    async fn get_removals(&self, message: GetRemovalsRequest) -> Result<GetRemovalsResponse, RelayError> {
        self.answer(ANSWER, self.revocation().get_removals(request(message, ANSWER))).await
    }

    async fn confirm_removal(
        &self,
        message: ConfirmRemovalRequest,
    ) -> Result<ConfirmRemovalResponse, RelayError> {
        self.answer(ANSWER, self.revocation().confirm_removal(request(message, ANSWER))).await
    }

    async fn get_record(&self, message: GetRecordRequest) -> Result<GetRecordResponse, RelayError> {
        self.answer(LARGE, self.record().get_record(request(message, LARGE))).await
    }

    async fn get_record_proof(
        &self,
        message: GetRecordProofRequest,
    ) -> Result<GetRecordProofResponse, RelayError> {
        self.answer(ANSWER, self.record().get_record_proof(request(message, ANSWER))).await
    }

    async fn subscribe(&self, message: SubscribeRequest) -> Result<Subscription, RelayError> {
        self.open_stream(message).await
    }
}
