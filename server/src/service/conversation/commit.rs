//! `Commit`.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use tonic::{Request, Status};
use wardline_identity::{StatementError, StatementLabel};
use wardline_proto::relay::authenticated_data::Kind;
use wardline_proto::relay::{CommitAuthor, CommitRequest, CommitResponse, SignedStatement};
use wardline_proto::{ConversationId, DeviceId, Digest, Epoch, fault};

use super::header;
use crate::domain::conversation::{
    ByIssuers, Commit, CommitDeclaration, CommitOutcome, ConversationError, DeclarationFault, WelcomeOffer,
    commit,
};
use crate::live::Live;
use crate::mls::{ContentType, Welcome};
use crate::service::authorise::Member;
use crate::service::{authorise, decode, status, write};
use crate::state::Relay;
use crate::task_bell::TaskBell;

pub(super) async fn answer(relay: &Relay, request: Request<CommitRequest>) -> Result<CommitResponse, Status> {
    let member = authorise::member(relay, &request)?;
    let parsed = parse(relay, &member, request.into_inner())?;

    let wake = Wake::for_commit(relay, &parsed);
    let (devices, organisation) = (Arc::clone(&relay.devices), relay.organisation.clone());
    let outcome = write::for_device(
        relay,
        parsed.sender,
        "commit",
        move |tx, now| {
            Box::pin(async move {
                // Looked at here: a strike that came while it waited for the writer counts.
                let joins = parsed.declaration.joins().iter();
                let mut struck = joins.copied().find(|device| devices.is_device_struck(device));
                for reference in parsed.welcome.iter().flat_map(|welcome| &welcome.references) {
                    // By the very package: its device may have another certificate by now.
                    let published = tx.published(reference).await?;
                    let of_struck = |(device, ends): &_| devices.is_end_struck(*device, *ends);
                    struck = struck.or(published.filter(of_struck).map(|(device, _)| device));
                }
                let issuers = ByIssuers { number: organisation.now().issuers_number(), struck };
                let outcome = commit(tx, &Commit { issuers, ..parsed }, now).await;
                fault::crash("crash.relay_commit_uncommitted");
                outcome
            })
        },
        move |outcome| {
            fault::crash("crash.relay_commit_unanswered");
            wake.after(outcome);
        },
    )
    .await?;
    match outcome {
        CommitOutcome::Conflict { current } => Err(ConversationError::EpochConflict { current }.into()),
        CommitOutcome::Accepted { receipt, .. } => Ok(CommitResponse {
            number: receipt.number.get(),
            chain_hash: receipt.chain.digest().to_wire(),
            stamp: Some(receipt.stamp.into()),
        }),
    }
}

fn parse(relay: &Relay, member: &Member, request: CommitRequest) -> Result<Commit, Status> {
    let conversation: ConversationId = decode::id("conversation_id", &request.conversation_id)?;
    let body = request.commit;
    decode::at_most("commit", &body, COMMIT_BYTES_MAX)?;
    decode::at_most("welcome", &request.welcome, COMMIT_BYTES_MAX)?;
    let message = header::private_message(&body, conversation, ContentType::Commit)?;
    if message.epoch != request.epoch {
        return Err(status::field_invalid("epoch", "not the epoch of the commit"));
    }
    let epoch = Epoch::new(message.epoch);
    let Kind::Commit(data) = header::authenticated_data(&message)? else {
        return Err(ConversationError::from(DeclarationFault::Undecodable).into());
    };
    let declaration = CommitDeclaration::parse(&data).map_err(ConversationError::from)?;
    let sha256 = Digest::of(&body);
    let expected = CommitAuthor {
        conversation_id: conversation.to_wire(),
        epoch: epoch.get(),
        commit_sha256: sha256.to_wire(),
    };
    let author = author_statement((relay, member), request.author, &expected)?;
    let welcome = welcome(request.welcome)?;
    let sender = member.certificate.device();
    let issuers = ByIssuers::default();
    Ok(Commit { conversation, epoch, sender, body, sha256, author, declaration, welcome, issuers })
}

/// The statement that travels beside the commit: signed by the caller over exactly this commit. Returns it encoded.
fn author_statement(
    (relay, member): (&Relay, &Member),
    statement: Option<SignedStatement>,
    expected: &CommitAuthor,
) -> Result<Bytes, Status> {
    let statement = decode::present("author", statement)?;
    let invalid = |error: StatementError| status::statement_invalid("author", &error.to_string());
    let voice = member.voice(relay, &statement);
    let body = voice.verify_statement(StatementLabel::CommitAuthor, &statement).map_err(invalid)?;
    // To the byte: what a decoder skips would be kept here, and handed on, readable.
    if body != expected.encode_to_vec() {
        return Err(status::statement_invalid(
            "author",
            "it is not exactly about this conversation, epoch and commit",
        ));
    }
    Ok(statement.encode_to_vec().into())
}

fn welcome(bytes: Bytes) -> Result<Option<WelcomeOffer>, Status> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let parsed = Welcome::parse(&bytes)?;
    let references = parsed.references.iter().map(|reference| bytes.slice_ref(reference)).collect();
    Ok(Some(WelcomeOffer { cipher_suite: parsed.cipher_suite, references, bytes }))
}

/// Who hears of an accepted commit: the members, those it moves, and who asks members.
struct Wake {
    live: Live,
    tasks: TaskBell,
    conversation: ConversationId,
    leaves: Vec<DeviceId>,
    joins: Vec<DeviceId>,
}

impl Wake {
    fn for_commit(relay: &Relay, commit: &Commit) -> Self {
        let (leaves, joins) = (commit.declaration.leaves().to_vec(), commit.declaration.joins().to_vec());
        let (live, tasks) = (relay.live.clone(), relay.tasks.clone());
        Self { live, tasks, conversation: commit.conversation, leaves, joins }
    }

    /// Out before in: a device in both lists listens on.
    fn after(self, outcome: &CommitOutcome) {
        if matches!(outcome, CommitOutcome::Accepted { fresh: true, .. }) {
            self.leaves.iter().for_each(|device| self.live.wake_departed(*device, self.conversation));
            self.joins.iter().for_each(|device| self.live.wake_joined(*device, self.conversation));
            self.live.wake_conversation(self.conversation);
            self.tasks.moved(self.conversation);
        }
    }
}

/// As in the .proto, for commit and Welcome each.
const COMMIT_BYTES_MAX: usize = 2 * 1024 * 1024;
