//! Services that say what they see, take their time when asked to, and count who is inside.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{Stream, StreamExt as _, stream};
use tonic::{Request, Response, Status, service::Routes};
use wardline_proto::relay::{
    self as pb,
    conversation_service_server::{ConversationService, ConversationServiceServer},
    directory_service_server::{DirectoryService, DirectoryServiceServer},
};
use wardline_server::transport::{Door, Peer};

/// What a handler says that was asked to panic.
pub(crate) const PANIC: &str = "as asked";

/// The services; clones count together.
#[derive(Clone, Default)]
pub(crate) struct Stub(Arc<AtomicUsize>);

/// A call that is running.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Stub {
    pub(crate) fn routes(&self) -> Routes {
        let conversations = ConversationServiceServer::new(self.clone()).max_decoding_message_size(64 << 20);
        Routes::new(DirectoryServiceServer::new(self.clone())).add_service(conversations)
    }

    pub(crate) fn running(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn enter(&self) -> Running {
        self.0.fetch_add(1, Ordering::SeqCst);
        Running(self.0.clone())
    }
}

#[tonic::async_trait]
impl DirectoryService for Stub {
    /// Says who calls: user, transport, exporter.
    async fn get_organisation(
        &self,
        request: Request<pb::GetOrganisationRequest>,
    ) -> Result<Response<pb::GetOrganisationResponse>, Status> {
        let peer = request.extensions().get::<Peer>().ok_or_else(|| Status::internal("no peer"))?;
        let user = match &peer.door {
            Door::Uncertified => "nobody".to_owned(),
            Door::Device(certificate) => certificate.user().to_string(),
        };
        let organisation = pb::Organisation {
            organisation_id: user,
            name: peer.transport.to_string(),
            root_certificate: peer.exporter.to_vec().into(),
            issuers: None,
        };
        Ok(Response::new(pb::GetOrganisationResponse { organisation: Some(organisation) }))
    }

    /// "sleep", milliseconds, anything: takes so long. "panic": panics. "long", bytes: answers with so many.
    async fn list_people(
        &self,
        request: Request<pb::ListPeopleRequest>,
    ) -> Result<Response<pb::ListPeopleResponse>, Status> {
        let _running = self.enter();
        match request.get_ref().user_ids.as_slice() {
            [word, millis, ..] if word == "sleep" => {
                let millis = millis.parse().map_err(|_| Status::invalid_argument("not a number"))?;
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
            [word] if word == "panic" => panic!("{PANIC}"),
            [word, bytes] if word == "long" => {
                let bytes = bytes.parse().map_err(|_| Status::invalid_argument("not a number"))?;
                let person = pb::Person { user_id: "x".repeat(bytes), ..pb::Person::default() };
                return Ok(Response::new(pb::ListPeopleResponse { people: vec![person] }));
            }
            _ => {}
        }
        Ok(Response::new(pb::ListPeopleResponse::default()))
    }
}

type Events = Pin<Box<dyn Stream<Item = Result<pb::SubscribeResponse, Status>> + Send>>;

fn unimplemented<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("a stub"))
}

#[tonic::async_trait]
impl ConversationService for Stub {
    type SubscribeStream = Events;

    /// An entry for each cursor's number, every `epoch` milliseconds; without a cursor nothing, for ever.
    async fn subscribe(&self, request: Request<pb::SubscribeRequest>) -> Result<Response<Events>, Status> {
        let running = self.enter();
        let plan = request.into_inner().cursors.into_iter().next().unwrap_or_default();
        let events = stream::unfold((0, running), move |(number, running)| async move {
            if plan.number > 0 && number == plan.number {
                return None;
            }
            if plan.number == 0 && number == 1 {
                futures::future::pending::<()>().await;
            }
            if plan.number > 0 {
                tokio::time::sleep(Duration::from_millis(plan.epoch)).await;
            }
            let entry = pb::Entry { number: number + 1, ..pb::Entry::default() };
            let event = pb::subscribe_response::Event::Entry(entry);
            Some((Ok(pb::SubscribeResponse { event: Some(event) }), (number + 1, running)))
        });
        Ok(Response::new(events.boxed()))
    }

    /// Says how long the commit was.
    async fn commit(
        &self,
        request: Request<pb::CommitRequest>,
    ) -> Result<Response<pb::CommitResponse>, Status> {
        let number = request.get_ref().commit.len() as u64;
        Ok(Response::new(pb::CommitResponse { number, ..pb::CommitResponse::default() }))
    }

    async fn create_conversation(
        &self,
        _: Request<pb::CreateConversationRequest>,
    ) -> Result<Response<pb::CreateConversationResponse>, Status> {
        unimplemented()
    }

    async fn send(&self, _: Request<pb::SendRequest>) -> Result<Response<pb::SendResponse>, Status> {
        unimplemented()
    }

    async fn ack(&self, _: Request<pb::AckRequest>) -> Result<Response<pb::AckResponse>, Status> {
        unimplemented()
    }

    async fn get_winner(
        &self,
        _: Request<pb::GetWinnerRequest>,
    ) -> Result<Response<pb::GetWinnerResponse>, Status> {
        unimplemented()
    }
}

/// Asks for an entry and then silence.
pub(crate) fn idle() -> pb::SubscribeRequest {
    pb::SubscribeRequest::default()
}

/// Asks for so many entries, one every so often.
pub(crate) fn every(millis: u64, entries: u64) -> pb::SubscribeRequest {
    let cursor = pb::Cursor { number: entries, epoch: millis, ..pb::Cursor::default() };
    pb::SubscribeRequest { cursors: vec![cursor], ..pb::SubscribeRequest::default() }
}

/// Asks for a call that takes so long.
pub(crate) fn sleep(millis: u64) -> pb::ListPeopleRequest {
    pb::ListPeopleRequest { user_ids: vec!["sleep".to_owned(), millis.to_string()] }
}

/// Asks for the same with a request of so many bytes.
pub(crate) fn sleep_holding(millis: u64, bytes: usize) -> pb::ListPeopleRequest {
    pb::ListPeopleRequest { user_ids: vec!["sleep".to_owned(), millis.to_string(), "x".repeat(bytes)] }
}

/// Asks for an answer of so many bytes.
pub(crate) fn long(bytes: usize) -> pb::ListPeopleRequest {
    pb::ListPeopleRequest { user_ids: vec!["long".to_owned(), bytes.to_string()] }
}

/// The number of the entry in an event.
pub(crate) fn number(event: &pb::SubscribeResponse) -> u64 {
    match &event.event {
        Some(pb::subscribe_response::Event::Entry(entry)) => entry.number,
        other => panic!("not an entry: {other:?}"),
    }
}

/// Asks for a call that panics.
pub(crate) fn panicking() -> pb::ListPeopleRequest {
    pb::ListPeopleRequest { user_ids: vec!["panic".to_owned()] }
}
