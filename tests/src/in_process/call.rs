//! One connection: every call goes to the relay's own service, unless something between them goes wrong.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt as _, future, stream};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;
use wardline_client_core::relay::{Relay as Calls, RelayError, Subscription};
use wardline_proto::{
    Reason,
    relay::{
        self as pb, conversation_service_server::ConversationService as _,
        directory_service_server::DirectoryService as _, enrolment_service_server::EnrolmentService as _,
        key_package_service_server::KeyPackageService as _,
        membership_service_server::MembershipService as _,
        organisation_service_server::OrganisationService as _, record_service_server::RecordService as _,
        registrar_service_server::RegistrarService as _, renewal_service_server::RenewalService as _,
        revocation_service_server::RevocationService as _, subscribe_response::Event,
        unlock_service_server::UnlockService as _,
    },
};
use wardline_server::{
    service::{
        conversation::Conversations, directory::Directory, enrolment::Enrolment, key_package::KeyPackages,
        membership::Memberships, organisation::Issuing, record::Record, registrar::Registrar,
        renewal::Renewals, revocation::Revocation, unlock::Unlocking,
    },
    state::Relay,
    transport::Peer,
};

use super::{Fault, Faults, Planted, flow::flow};

/// A device's connection.
pub(super) struct InProcess {
    pub(super) relay: Arc<Relay>,
    /// Cancelled when the connection ends or the relay dies.
    pub(super) cut: CancellationToken,
    pub(super) peer: Peer,
    pub(super) faults: Arc<Faults>,
}

/// Nobody knows what became of the call.
pub(super) fn unavailable(why: &'static str) -> RelayError {
    RelayError::Unavailable { source: why.into(), retry_after: None }
}

impl InProcess {
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(self.peer.clone());
        request
    }

    /// Carries a call over, as well as things go.
    async fn carry<T, R, F>(&self, message: T, call: impl Fn(Request<T>) -> F) -> Result<R, RelayError>
    where
        T: Clone,
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let once = || async { call(self.request(message.clone())).await };
        let fault = self.faults.next_call();
        let carried = async {
            match fault {
                Some(Fault::LoseRequest) => return Err(unavailable("the request was lost")),
                Some(Fault::LoseAnswer) => {
                    drop(once().await);
                    return Err(unavailable("the answer was lost"));
                }
                Some(Fault::Duplicate) => drop(once().await),
                Some(Fault::Delay(millis)) => tokio::time::sleep(Duration::from_millis(millis)).await,
                _ => {}
            }
            let answer = once().await.map(Response::into_inner).map_err(refused);
            if let Some(Fault::DelayAnswer(millis)) = fault {
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
            answer
        };
        let cut = || Err(unavailable("the connection ended"));
        let answer = self.cut.run_until_cancelled(carried).await.unwrap_or_else(cut);
        let asked = std::any::type_name::<T>();
        let asked = asked.rsplit("::").next().unwrap_or(asked);
        match &answer {
            Ok(_) => self.faults.say(asked),
            Err(error) => self.faults.say(&format!("{asked}: {error}")),
        }
        answer
    }
}

/// As our client reads a status from the wire.
fn refused(status: Status) -> RelayError {
    let details = status.get_error_details();
    let retry_after = details.retry_info().and_then(|info| info.retry_delay);
    if matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled) {
        return RelayError::Unavailable { source: status.into(), retry_after };
    }
    let info = details.error_info().filter(|info| info.domain == Reason::DOMAIN);
    let known = info.and_then(|info| Some((Reason::parse(&info.reason)?, info.metadata.clone())));
    let (reason, metadata) = known.unwrap_or((Reason::Internal, HashMap::new()));
    RelayError::Refused { reason, message: status.message().to_owned(), retry_after, metadata }
}

macro_rules! calls {
    ($($service:ident { $($call:ident: $request:ident -> $response:ident,)* })*) => {
        #[async_trait]
        impl Calls for InProcess {
            fn exporter(&self) -> [u8; 32] {
                self.peer.exporter
            }

            $($(
                async fn $call(&self, message: pb::$request) -> Result<pb::$response, RelayError> {
                    let service = $service::new(self.relay.clone());
                    self.carry(message, |request| service.$call(request)).await
                }
            )*)*

            // The relay's service of this name is not there yet.
            async fn send(&self, message: pb::SendRequest) -> Result<pb::SendResponse, RelayError> {
                if self.faults.planted() == Some(Planted::AcknowledgeUnsent) {
                    let stamp = Some(self.relay.clock.now().into());
                    return Ok(pb::SendResponse { number: 1_000_000, stamp, ..pb::SendResponse::default() });
                }
                let service = Conversations::new(self.relay.clone());
                self.carry(message, |request| service.send(request)).await
            }

            async fn subscribe(&self, message: pb::SubscribeRequest) -> Result<Subscription, RelayError> {
                let service = Conversations::new(self.relay.clone());
                let events = self.carry(message, |request| service.subscribe(request)).await?;
                let (cut, faults) = (self.cut.clone(), self.faults.clone());
                let dropping = faults.planted();
                let events = events
                    .map(|event| event.map_err(refused))
                    .filter(move |event| future::ready(!is_dropped(dropping, event)))
                    .take_while(move |_| future::ready(!faults.cuts_stream()))
                    .take_until(cut.cancelled_owned())
                    .chain(stream::once(future::ready(Err(unavailable("the stream ended")))));
                Ok(flow(events.boxed(), self.faults.clone()).boxed())
            }
        }
    };
}

/// Whether a planted fault keeps this event from its device.
fn is_dropped(planted: Option<Planted>, event: &Result<pb::SubscribeResponse, RelayError>) -> bool {
    let (Some(Planted::DropEntry(number)), Ok(event)) = (planted, event) else { return false };
    matches!(&event.event, Some(Event::Entry(entry)) if entry.number == number)
}

calls! {
    Enrolment {
        get_invitation: GetInvitationRequest -> GetInvitationResponse,
        enrol: EnrolRequest -> EnrolResponse,
    }
    Registrar {
        publish_invitation: PublishInvitationRequest -> PublishInvitationResponse,
        list_invitations: ListInvitationsRequest -> ListInvitationsResponse,
        cancel_invitation: CancelInvitationRequest -> CancelInvitationResponse,
        list_enrolments: ListEnrolmentsRequest -> ListEnrolmentsResponse,
        issue_certificate: IssueCertificateRequest -> IssueCertificateResponse,
        refuse_enrolment: RefuseEnrolmentRequest -> RefuseEnrolmentResponse,
        request_issuer: RequestIssuerRequest -> RequestIssuerResponse,
    }
    Renewals {
        renew_certificate: RenewCertificateRequest -> RenewCertificateResponse,
        issue_renewal: IssueRenewalRequest -> IssueRenewalResponse,
        issue_relay_certificates: IssueRelayCertificatesRequest -> IssueRelayCertificatesResponse,
    }
    Unlocking {
        make_pair: MakePairRequest -> MakePairResponse,
        evaluate: EvaluateRequest -> EvaluateResponse,
        confirm_unlock: ConfirmUnlockRequest -> ConfirmUnlockResponse,
        get_period_secrets: GetPeriodSecretsRequest -> GetPeriodSecretsResponse,
    }
    Directory {
        get_organisation: GetOrganisationRequest -> GetOrganisationResponse,
        list_people: ListPeopleRequest -> ListPeopleResponse,
    }
    Issuing {
        get_issuers_list: GetIssuersListRequest -> GetIssuersListResponse,
        publish_issuers_list: PublishIssuersListRequest -> PublishIssuersListResponse,
    }
    KeyPackages {
        publish_key_packages: PublishKeyPackagesRequest -> PublishKeyPackagesResponse,
        claim_key_packages: ClaimKeyPackagesRequest -> ClaimKeyPackagesResponse,
        count_key_packages: CountKeyPackagesRequest -> CountKeyPackagesResponse,
    }
    Revocation {
        publish_revocation_list: PublishRevocationListRequest -> PublishRevocationListResponse,
        hold_devices: HoldDevicesRequest -> HoldDevicesResponse,
        get_revocation_list: GetRevocationListRequest -> GetRevocationListResponse,
        list_devices: ListDevicesRequest -> ListDevicesResponse,
        get_removals: GetRemovalsRequest -> GetRemovalsResponse,
        confirm_removal: ConfirmRemovalRequest -> ConfirmRemovalResponse,
    }
    Record {
        get_record: GetRecordRequest -> GetRecordResponse,
        get_record_proof: GetRecordProofRequest -> GetRecordProofResponse,
    }
    Memberships {
        report_out_of_step: ReportOutOfStepRequest -> ReportOutOfStepResponse,
        ask_members: AskMembersRequest -> AskMembersResponse,
    }
    Conversations {
        create_conversation: CreateConversationRequest -> CreateConversationResponse,
        commit: CommitRequest -> CommitResponse,
        ack: AckRequest -> AckResponse,
        get_winner: GetWinnerRequest -> GetWinnerResponse,
    }
}
