//! A tap on the way to the relay: keeps every request as it is handed on, and what the relay delivers.
//!
//! It stands between the client and the product's own connection, and changes nothing. What it keeps is what an
//! attacker on the relay's side of TLS sees, and what the demo searches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::{StreamExt as _, future::BoxFuture};
use tokio::sync::watch;
use wardline_client_core::{
    api::Connector,
    relay::{Relay, RelayError, Subscription},
};
use wardline_proto::relay::{
    AckRequest, AckResponse, AskMembersRequest, AskMembersResponse, CancelInvitationRequest,
    CancelInvitationResponse, ClaimKeyPackagesRequest, ClaimKeyPackagesResponse, CommitRequest,
    CommitResponse, ConfirmRemovalRequest, ConfirmRemovalResponse, ConfirmUnlockRequest,
    ConfirmUnlockResponse, CountKeyPackagesRequest, CountKeyPackagesResponse, CreateConversationRequest,
    CreateConversationResponse, EnrolRequest, EnrolResponse, Entry, EvaluateRequest, EvaluateResponse,
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
    RequestIssuerResponse, SendRequest, SendResponse, SubscribeRequest, SubscribeResponse, WelcomeDelivery,
    subscribe_response::Event,
};

/// What one device's tap has seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// Every request, encoded as it went to TLS.
    pub requests: Vec<Vec<u8>>,
    /// Over what it connected, each time.
    pub transports: Vec<&'static str>,
    /// The log's entries as delivered.
    pub entries: Vec<Entry>,
    /// What let the device in, as delivered.
    pub welcomes: Vec<WelcomeDelivery>,
    /// The entries by which the relay said that the device was let out.
    pub removed: Vec<u64>,
}

/// A device's way to the relay, tapped.
pub(crate) struct Tap {
    inner: Arc<dyn Connector>,
    record: Arc<Record>,
}

/// What a tap keeps.
pub(crate) struct Record {
    seen: Mutex<Seen>,
    sends: watch::Sender<u64>,
}

impl Record {
    /// What was seen until now.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rises with every message that is handed to the connection.
    pub(crate) fn sends(&self) -> watch::Receiver<u64> {
        self.sends.subscribe()
    }

    fn request(&self, request: &impl prost::Message) {
        self.seen().requests.push(request.encode_to_vec());
    }

    fn delivered(&self, response: &SubscribeResponse) {
        let mut seen = self.seen();
        match &response.event {
            Some(Event::Entry(entry)) => seen.entries.push(entry.clone()),
            Some(Event::Welcome(welcome)) => seen.welcomes.push(welcome.clone()),
            Some(Event::Removed(removed)) => seen.removed.push(removed.number),
            _ => {}
        }
    }
}

impl Tap {
    /// Taps a device's way.
    pub(crate) fn new(inner: Arc<dyn Connector>) -> Self {
        let record = Record { seen: Mutex::default(), sends: watch::Sender::new(0) };
        Self { inner, record: Arc::new(record) }
    }

    /// What it keeps.
    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.record
    }
}

impl Connector for Tap {
    fn connect(&self) -> BoxFuture<'_, Result<(Arc<dyn Relay>, &'static str), RelayError>> {
        Box::pin(async move {
            let (inner, transport) = self.inner.connect().await?;
            self.record.seen().transports.push(transport);
            let tapped = Tapped { inner, record: self.record.clone() };
            Ok((Arc::new(tapped) as Arc<dyn Relay>, transport))
        })
    }
}

/// A connection, tapped.
struct Tapped {
    inner: Arc<dyn Relay>,
    record: Arc<Record>,
}

/// Keeps each request and passes it on.
macro_rules! pass_on {
    ($($call:ident: $request:ty => $response:ty,)*) => {
        #[async_trait]
        impl Relay for Tapped {
            fn exporter(&self) -> [u8; 32] {
                self.inner.exporter()
            }

            $(async fn $call(&self, request: $request) -> Result<$response, RelayError> {
                self.record.request(&request);
                self.inner.$call(request).await
            })*

            async fn send(&self, request: SendRequest) -> Result<SendResponse, RelayError> {
                self.record.request(&request);
                self.record.sends.send_modify(|sends| *sends += 1);
                self.inner.send(request).await
            }

            async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, RelayError> {
                self.record.request(&request);
                let stream = self.inner.subscribe(request).await?;
                let record = self.record.clone();
                let look = move |event: &Result<SubscribeResponse, RelayError>| {
                    if let Ok(response) = event {
                        record.delivered(response);
                    }
                };
                Ok(stream.inspect(look).boxed())
            }
        }
    };
}

pass_on! {
    get_invitation: GetInvitationRequest => GetInvitationResponse,
    enrol: EnrolRequest => EnrolResponse,
    publish_invitation: PublishInvitationRequest => PublishInvitationResponse,
    list_invitations: ListInvitationsRequest => ListInvitationsResponse,
    cancel_invitation: CancelInvitationRequest => CancelInvitationResponse,
    list_enrolments: ListEnrolmentsRequest => ListEnrolmentsResponse,
    issue_certificate: IssueCertificateRequest => IssueCertificateResponse,
    refuse_enrolment: RefuseEnrolmentRequest => RefuseEnrolmentResponse,
    renew_certificate: RenewCertificateRequest => RenewCertificateResponse,
    issue_renewal: IssueRenewalRequest => IssueRenewalResponse,
    make_pair: MakePairRequest => MakePairResponse,
    evaluate: EvaluateRequest => EvaluateResponse,
    confirm_unlock: ConfirmUnlockRequest => ConfirmUnlockResponse,
    get_period_secrets: GetPeriodSecretsRequest => GetPeriodSecretsResponse,
    issue_relay_certificates: IssueRelayCertificatesRequest => IssueRelayCertificatesResponse,
    request_issuer: RequestIssuerRequest => RequestIssuerResponse,
    get_organisation: GetOrganisationRequest => GetOrganisationResponse,
    get_issuers_list: GetIssuersListRequest => GetIssuersListResponse,
    publish_issuers_list: PublishIssuersListRequest => PublishIssuersListResponse,
    list_people: ListPeopleRequest => ListPeopleResponse,
    publish_key_packages: PublishKeyPackagesRequest => PublishKeyPackagesResponse,
    claim_key_packages: ClaimKeyPackagesRequest => ClaimKeyPackagesResponse,
    count_key_packages: CountKeyPackagesRequest => CountKeyPackagesResponse,
    create_conversation: CreateConversationRequest => CreateConversationResponse,
    commit: CommitRequest => CommitResponse,
    ack: AckRequest => AckResponse,
    get_winner: GetWinnerRequest => GetWinnerResponse,
    report_out_of_step: ReportOutOfStepRequest => ReportOutOfStepResponse,
    ask_members: AskMembersRequest => AskMembersResponse,
    publish_revocation_list: PublishRevocationListRequest => PublishRevocationListResponse,
    hold_devices: HoldDevicesRequest => HoldDevicesResponse,
    get_revocation_list: GetRevocationListRequest => GetRevocationListResponse,
    list_devices: ListDevicesRequest => ListDevicesResponse,
    get_removals: GetRemovalsRequest => GetRemovalsResponse,
    confirm_removal: ConfirmRemovalRequest => ConfirmRemovalResponse,
    get_record: GetRecordRequest => GetRecordResponse,
    get_record_proof: GetRecordProofRequest => GetRecordProofResponse,
}
