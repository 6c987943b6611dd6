//! Claims about what a session does when the relay refuses or asks for nonsense: one conversation waits, and nothing else. Real
//! vaults and groups, and a relay that answers what the scene says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt as _, future::BoxFuture, stream};
use wardline_proto::{
    ConversationId, Reason, in_place,
    relay::{self as pb, MembershipTask, Succeed, membership_task::Task},
};

use super::{
    Connected, Connector, Link, Session,
    acknowledge::acknowledge,
    outbox::{Passing, pass},
    send::{self, Step},
    task,
};
use crate::{
    conversation::{
        broken_test::{
            house::House,
            lists::Lists,
            ward::{Log, Phone},
        },
        random, receive,
    },
    relay::{Relay, RelayError, Subscription},
    vault::tables::{
        intents::{self, Wish},
        outbox,
    },
};

/// What a scene has the relay refuse.
type Refuses<R> = Box<dyn Fn(&R) -> Option<Reason> + Send + Sync>;

/// What a scene has the relay prove.
type Proves = Box<dyn Fn(&pb::GetRecordProofRequest) -> Option<pb::GetRecordProofResponse> + Send + Sync>;

/// What a scene has the relay answer to a device that asks for its next certificate; none: it waits.
type Renews = Box<dyn Fn(&pb::RenewalRequest) -> Option<Vec<u8>> + Send + Sync>;

/// A relay that says yes to acknowledgements, commits and messages, but for what is refused.
pub(super) struct Answers {
    pub acks: Refuses<pb::AckRequest>,
    pub sends: Refuses<pb::SendRequest>,
    pub commits: Refuses<pb::CommitRequest>,
    pub winners: Refuses<pb::GetWinnerRequest>,
    pub publishes: Refuses<pb::PublishRevocationListRequest>,
    /// What it proves of its record; none: it never had one so large.
    pub proofs: Proves,
    /// How long a report has to wait; none: it is taken.
    pub reports: Option<Duration>,
    /// The reports that came.
    pub said: Mutex<Vec<pb::SignedStatement>>,
    /// How many reports came, and how many messages were taken.
    pub came: Mutex<(u32, u32)>,
    /// The conversations of each acknowledgement, as they came.
    pub acked: Mutex<Vec<Vec<bytes::Bytes>>>,
    /// The conversations of the commits that came.
    pub committed: Mutex<Vec<bytes::Bytes>>,
    /// What each stream says before it ends; none: it is refused.
    pub streams: Mutex<VecDeque<Vec<pb::SubscribeResponse>>>,
    /// The revocation list that it shows, if any.
    pub lists: Mutex<Option<Lists>>,
    /// The organisation that it shows, if any.
    pub organisation: Option<pb::Organisation>,
    /// The revocation lists that it was told of.
    pub published: Mutex<Vec<pb::PublishRevocationListRequest>>,
    /// The next certificate of whoever asks.
    pub renews: Renews,
    /// The requests for one that came.
    pub renewals: Mutex<Vec<pb::RenewalRequest>>,
    /// The renewals that it offers a registrar, and what that handed in.
    pub offered: Mutex<Vec<pb::WaitingRenewal>>,
    pub handed_in: Mutex<Vec<bytes::Bytes>>,
    /// What it asks of a registrar for itself, and what that handed in.
    pub asks: Mutex<Option<pb::RelayRenewal>>,
    pub relay_certified: Mutex<Vec<pb::IssueRelayCertificatesRequest>>,
}

impl Answers {
    pub(super) fn yes() -> Self {
        Self {
            acks: Box::new(|_| None),
            sends: Box::new(|_| None),
            commits: Box::new(|_| None),
            winners: Box::new(|_| None),
            publishes: Box::new(|_| None),
            proofs: Box::new(|_| None),
            reports: None,
            said: Mutex::default(),
            came: Mutex::default(),
            acked: Mutex::default(),
            committed: Mutex::default(),
            streams: Mutex::default(),
            lists: Mutex::default(),
            organisation: None,
            published: Mutex::default(),
            renews: Box::new(|_| None),
            renewals: Mutex::default(),
            offered: Mutex::default(),
            handed_in: Mutex::default(),
            asks: Mutex::default(),
            relay_certified: Mutex::default(),
        }
    }
}

fn refused<T>(reason: Reason) -> Result<T, RelayError> {
    let message = "it says no".to_owned();
    Err(RelayError::Refused { reason, message, retry_after: None, metadata: Default::default() })
}

macro_rules! answers {
    ($($call:ident: $request:ident -> $response:ident,)*) => {
        #[async_trait]
        impl Relay for Answers {
            fn exporter(&self) -> [u8; 32] {
                [0; 32]
            }

            async fn ack(&self, request: pb::AckRequest) -> Result<pb::AckResponse, RelayError> {
                let named = request.cursors.iter().map(|cursor| cursor.conversation_id.clone());
                self.acked.lock().unwrap().push(named.collect());
                (self.acks)(&request).map_or(Ok(pb::AckResponse {}), refused)
            }

            async fn send(&self, request: pb::SendRequest) -> Result<pb::SendResponse, RelayError> {
                let answer = pb::SendResponse { number: 9, ..pb::SendResponse::default() };
                match (self.sends)(&request) {
                    Some(reason) => refused(reason),
                    None => {
                        self.came.lock().unwrap().1 += 1;
                        Ok(answer)
                    }
                }
            }

            async fn report_out_of_step(
                &self,
                request: pb::ReportOutOfStepRequest,
            ) -> Result<pb::ReportOutOfStepResponse, RelayError> {
                self.said.lock().unwrap().extend(request.statement);
                self.came.lock().unwrap().0 += 1;
                let Some(pause) = self.reports else { return Ok(pb::ReportOutOfStepResponse::default()) };
                let (reason, message) = (Reason::LimitReached, "too often".to_owned());
                let retry_after = Some(pause);
                Err(RelayError::Refused { reason, message, retry_after, metadata: Default::default() })
            }

            async fn commit(&self, request: pb::CommitRequest) -> Result<pb::CommitResponse, RelayError> {
                let refusal = (self.commits)(&request);
                self.committed.lock().unwrap().push(request.conversation_id);
                refusal.map_or(Ok(pb::CommitResponse::default()), refused)
            }

            async fn get_revocation_list(
                &self,
                request: pb::GetRevocationListRequest,
            ) -> Result<pb::GetRevocationListResponse, RelayError> {
                let lists = self.lists.lock().unwrap();
                Ok(lists.as_ref().map(|lists| lists.after(request.acts)).unwrap_or_default())
            }

            async fn publish_revocation_list(
                &self,
                request: pb::PublishRevocationListRequest,
            ) -> Result<pb::PublishRevocationListResponse, RelayError> {
                let refusal = (self.publishes)(&request);
                self.published.lock().unwrap().push(request);
                refusal.map_or(Ok(pb::PublishRevocationListResponse::default()), refused)
            }

            async fn get_record_proof(
                &self,
                request: pb::GetRecordProofRequest,
            ) -> Result<pb::GetRecordProofResponse, RelayError> {
                (self.proofs)(&request).map_or_else(|| refused(Reason::FieldInvalid), Ok)
            }

            async fn get_winner(
                &self,
                request: pb::GetWinnerRequest,
            ) -> Result<pb::GetWinnerResponse, RelayError> {
                (self.winners)(&request).map_or(Ok(pb::GetWinnerResponse::default()), refused)
            }

            async fn subscribe(&self, _: pb::SubscribeRequest) -> Result<Subscription, RelayError> {
                let said = self.streams.lock().unwrap().pop_front();
                said.map_or(refused(Reason::Internal), |said| Ok(stream::iter(said.into_iter().map(Ok)).boxed()))
            }

            async fn renew_certificate(
                &self,
                request: pb::RenewCertificateRequest,
            ) -> Result<pb::RenewCertificateResponse, RelayError> {
                let asked = request.request.unwrap();
                let certificate = (self.renews)(&asked).unwrap_or_default().into();
                self.renewals.lock().unwrap().push(asked);
                Ok(pb::RenewCertificateResponse { certificate })
            }

            async fn list_enrolments(
                &self,
                _: pb::ListEnrolmentsRequest,
            ) -> Result<pb::ListEnrolmentsResponse, RelayError> {
                let renewals = self.offered.lock().unwrap().clone();
                let relay_renewal = self.asks.lock().unwrap().clone();
                Ok(pb::ListEnrolmentsResponse { renewals, relay_renewal, ..pb::ListEnrolmentsResponse::default() })
            }

            async fn get_organisation(
                &self,
                _: pb::GetOrganisationRequest,
            ) -> Result<pb::GetOrganisationResponse, RelayError> {
                let organisation = self.organisation.clone();
                organisation.map_or_else(
                    || refused(Reason::Internal),
                    |shown| Ok(pb::GetOrganisationResponse { organisation: Some(shown) }),
                )
            }

            async fn issue_renewal(
                &self,
                request: pb::IssueRenewalRequest,
            ) -> Result<pb::IssueRenewalResponse, RelayError> {
                self.handed_in.lock().unwrap().push(request.certificate);
                Ok(pb::IssueRenewalResponse {})
            }

            async fn issue_relay_certificates(
                &self,
                request: pb::IssueRelayCertificatesRequest,
            ) -> Result<pb::IssueRelayCertificatesResponse, RelayError> {
                self.relay_certified.lock().unwrap().push(request);
                Ok(pb::IssueRelayCertificatesResponse {})
            }

            $(
                async fn $call(&self, _: pb::$request) -> Result<pb::$response, RelayError> {
                    refused(Reason::Internal)
                }
            )*
        }
    };
}

answers! {
    make_pair: MakePairRequest -> MakePairResponse,
    evaluate: EvaluateRequest -> EvaluateResponse,
    confirm_unlock: ConfirmUnlockRequest -> ConfirmUnlockResponse,
    get_period_secrets: GetPeriodSecretsRequest -> GetPeriodSecretsResponse,
    hold_devices: HoldDevicesRequest -> HoldDevicesResponse,
    get_invitation: GetInvitationRequest -> GetInvitationResponse,
    enrol: EnrolRequest -> EnrolResponse,
    publish_invitation: PublishInvitationRequest -> PublishInvitationResponse,
    list_invitations: ListInvitationsRequest -> ListInvitationsResponse,
    cancel_invitation: CancelInvitationRequest -> CancelInvitationResponse,
    issue_certificate: IssueCertificateRequest -> IssueCertificateResponse,
    refuse_enrolment: RefuseEnrolmentRequest -> RefuseEnrolmentResponse,
    request_issuer: RequestIssuerRequest -> RequestIssuerResponse,
    get_issuers_list: GetIssuersListRequest -> GetIssuersListResponse,
    publish_issuers_list: PublishIssuersListRequest -> PublishIssuersListResponse,
    list_people: ListPeopleRequest -> ListPeopleResponse,
    publish_key_packages: PublishKeyPackagesRequest -> PublishKeyPackagesResponse,
    claim_key_packages: ClaimKeyPackagesRequest -> ClaimKeyPackagesResponse,
    count_key_packages: CountKeyPackagesRequest -> CountKeyPackagesResponse,
    create_conversation: CreateConversationRequest -> CreateConversationResponse,
    ask_members: AskMembersRequest -> AskMembersResponse,
    list_devices: ListDevicesRequest -> ListDevicesResponse,
    get_removals: GetRemovalsRequest -> GetRemovalsResponse,
    confirm_removal: ConfirmRemovalRequest -> ConfirmRemovalResponse,
    get_record: GetRecordRequest -> GetRecordResponse,
}

/// Nobody connects here: the scene has the connection.
struct Nowhere;

impl Connector for Nowhere {
    fn connect(&self) -> BoxFuture<'_, Result<Connected, RelayError>> {
        Box::pin(async { refused(Reason::Internal) })
    }
}

/// A phone's session over a connection to this relay, over which everything has come.
pub(super) fn session(phone: Phone, relay: &Arc<Answers>) -> (Session, Arc<dyn Relay>, tempfile::TempDir) {
    let (core, home) = phone.taken_apart();
    let session = Session::new(core, Arc::new(Nowhere));
    let relay: Arc<dyn Relay> = relay.clone();
    session.relinked(Link::Online { relay: relay.clone(), transport: "quic", caught_up: true });
    (session, relay, home)
}

/// A device in two conversations, of one of which the relay says that it has less. What it was told, call by call, and whether
/// the connection lives.
async fn acknowledged(guard: &'static str, reason: Reason) -> (Vec<Vec<bytes::Bytes>>, bool) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let lost = Log::begin(&mut a, &mut [&mut b]).await.conversation;
    let fine = Log::begin(&mut a, &mut [&mut b]).await.conversation;
    let has_less = move |request: &pb::AckRequest| {
        let named = |cursor: &pb::Cursor| cursor.conversation_id == lost.to_wire();
        request.cursors.iter().any(named).then_some(reason)
    };
    let answers = Arc::new(Answers { acks: Box::new(has_less), ..Answers::yes() });
    let (session, relay, _home) = session(b, &answers);
    in_place::arm(guard);
    session.moved.notify_one();
    let told = async {
        while !answers.acked.lock().unwrap().iter().any(|call| *call == [fine.to_wire()]) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Nothing has moved since: nothing is said again.
        session.moved.notify_one();
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let ended = tokio::select! {
        ended = acknowledge(&session, &relay) => Some(ended),
        () = told => None,
    };
    in_place::disarm(guard);
    let both = |call: &Vec<bytes::Bytes>| call.len() == 2;
    let calls = answers.acked.lock().unwrap().clone();
    assert!(both(&calls[0]), "in one call");
    let mut alone: Vec<_> = calls[1..].to_vec();
    alone.sort_by_key(|call| call[0] != lost.to_wire());
    let known = |id: &bytes::Bytes| if *id == lost.to_wire() { "lost".into() } else { "fine".into() };
    let alone = alone.iter().map(|call| call.iter().map(known).collect()).collect();
    (alone, ended.is_none())
}

#[tokio::test]
async fn what_a_relay_has_lost_keeps_nothing_else_from_being_acknowledged() {
    for reason in [Reason::NotAMember, Reason::CursorBeyondHead] {
        let (calls, lives) = acknowledged("", reason).await;
        assert_eq!(calls, [["lost"], ["fine"]], "each once");
        assert!(lives);
        let (calls, lives) = acknowledged("mutant.ack_ends_all", reason).await;
        assert!(calls.is_empty() && !lives, "the guard taken away: each connection ends like this");
    }
}

/// A message that the relay refuses for this. Whether it waits, and whether it goes out once the log has moved.
async fn refused_for(guard: &'static str, reason: Reason) -> (bool, Option<String>) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    b.say(&conversation, "waits").await;
    let head = log.head();
    log.talk(&mut a, "meanwhile", &mut []).await;
    let entry = log.entries.last().unwrap().clone();
    let first = Arc::new(Mutex::new(true));
    let once = move |_: &pb::SendRequest| std::mem::take(&mut *first.lock().unwrap()).then_some(reason);
    let answers = Arc::new(Answers { sends: Box::new(once), ..Answers::yes() });
    let (session, relay, _home) = session(b, &answers);
    in_place::arm(guard);
    let mut passing = Passing::default();
    let queued = async || {
        let core = session.core().await;
        let mut tx = core.vault.begin("outbox").await.unwrap();
        outbox::list(&mut tx).await.unwrap().remove(0)
    };
    let step = send::send(&session, &relay, queued().await, &mut passing).await.unwrap();
    // Nothing is sent before the log has shown why.
    pass(&session, &relay, &mut passing).await.unwrap();
    let before = queued().await;
    let waits = step == Step::Wait && before.accepted.is_none() && before.refusal.is_none();
    assert_eq!(entry.number, head + 1);
    receive(&mut *session.core().await, &entry).await.unwrap();
    pass(&session, &relay, &mut passing).await.unwrap();
    in_place::disarm(guard);
    let after = queued().await;
    assert!(after.accepted.is_some() || after.refusal.is_some(), "{conversation}");
    (waits, after.refusal)
}

#[tokio::test]
async fn a_message_that_is_refused_for_what_stands_in_the_log_waits_for_the_log() {
    for reason in [Reason::NotAMember, Reason::ConversationClosed, Reason::EpochConflict] {
        assert_eq!(refused_for("", reason).await, (true, None), "{reason:?}");
    }
    let (waits, refusal) = refused_for("", Reason::MessageMalformed).await;
    assert!(!waits && refusal.is_some(), "the control: what no log explains comes back at once");
    for reason in [Reason::NotAMember, Reason::ConversationClosed] {
        let (waits, refusal) = refused_for("mutant.refused_at_once", reason).await;
        assert!(!waits && refusal.is_some(), "the guard taken away: {reason:?}");
    }
}

/// A keeper whom the relay asks, or not, for the successor of a log that is open.
async fn keeper(
    asked: bool,
) -> (Session, Arc<dyn Relay>, Arc<Answers>, House, ConversationId, tempfile::TempDir) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let conversation = Log::begin(&mut a, &mut [&mut b]).await.conversation;
    let answers = Arc::new(Answers::yes());
    let (session, relay, home) = session(a, &answers);
    if asked {
        let succeed = Task::Succeed(Succeed { number: 1, ..Succeed::default() });
        let conversation_id = conversation.to_wire();
        let task = MembershipTask { conversation_id, task: Some(succeed), ..MembershipTask::default() };
        task::take(&session, task).await.unwrap();
    }
    (session, relay, answers, house, conversation, home)
}

/// How many successors it wishes for.
async fn wishes(session: &Session) -> usize {
    let core = session.core().await;
    let mut tx = core.vault.begin("wishes").await.unwrap();
    let open = intents::open(&mut tx).await.unwrap().into_iter();
    open.filter(|open| matches!(open.wish, Wish::Succeed { .. })).count()
}

/// The keeper wishes for another name. Whether the relay gets it.
async fn renames(guard: &'static str, asked: bool) -> bool {
    let (session, relay, answers, _house, conversation, _home) = keeper(asked).await;
    assert_eq!(wishes(&session).await, usize::from(asked));
    let wish = Wish::Rename { name: "Ward 5".to_owned() };
    {
        let core = session.core().await;
        let (request, now) = (random(&*core.entropy).unwrap(), core.clock.now());
        let mut tx = core.vault.begin("wish").await.unwrap();
        intents::insert(&mut tx, &conversation, &wish, &request, now, now).await.unwrap();
        tx.commit().await.unwrap();
    }
    in_place::arm(guard);
    let mut passing = Passing::default();
    for _ in 0..3 {
        pass(&session, &relay, &mut passing).await.unwrap();
        tokio::time::sleep(Duration::from_millis(210)).await;
    }
    in_place::disarm(guard);
    *answers.committed.lock().unwrap() == [conversation.to_wire()]
}

#[tokio::test]
async fn whoever_is_asked_for_the_successor_of_an_open_log_does_everything_else_there() {
    assert!(renames("", false).await, "the control");
    assert!(renames("", true).await);
    assert!(!renames("mutant.succeed_first", true).await, "the guard taken away");
}

#[tokio::test]
async fn a_successor_of_a_log_that_stays_open_is_not_waited_for_longer_than_a_minute() {
    let (session, relay, _, house, _, _home) = keeper(true).await;
    for (seconds, left) in [(0, 1), (59, 1), (2, 0)] {
        house.clock.advance_seconds(seconds);
        pass(&session, &relay, &mut Passing::default()).await.unwrap();
        assert_eq!(wishes(&session).await, left, "after {seconds} s more");
    }
}
