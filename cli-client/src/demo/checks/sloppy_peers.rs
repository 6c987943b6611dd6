//! P10: whatever comes in is refused for a stated reason, stores nothing, and the next honest message goes through.

use wardline_client_core::{
    api::{Command, Failure, FailureKind},
    relay::Relay,
};
use wardline_identity::SystemEntropy;
use wardline_proto::{
    ConversationId, Reason,
    relay::{AckRequest, CommitRequest, Cursor, EntryKind, GetWinnerRequest, SendRequest},
};

use super::{Finding, defect, refusal};
use crate::demo::scene::{Scene, TABLET};

/// The most bytes of a message that the relay takes.
const MESSAGE_BYTES_MAX: usize = 131_072;
/// The most bytes of a text that a client takes.
const TEXT_BYTES_MAX: usize = 65_536;

/// Sends nonsense as a certified device, then something honest.
pub(super) async fn check(scene: &mut Scene) -> Result<Vec<Finding>, Failure> {
    let before = scene.last().await?;
    let conversation = scene.conversation_id()?;
    let traffic = scene.traffic()?;
    let change = traffic.entries.iter().find(|entry| entry.kind() == EntryKind::Commit);
    let change = change.map(|entry| entry.message.to_vec()).unwrap_or_default();
    let (relay, _) = scene.devices[TABLET].connector().connect().await.map_err(Failure::from)?;
    let mut answers = nonsense(&*relay, conversation, before, change).await?;
    drop(relay);

    let command = Command::Send {
        conversation: scene.conversation.clone(),
        text: "x".repeat(TEXT_BYTES_MAX + 1),
        expires_seconds: None,
    };
    let huge = scene.devices[TABLET].ask(command).await.err();
    let refused = huge.as_ref().is_some_and(|failure| failure.kind == FailureKind::Input);
    let words = huge.map_or("accepted".to_owned(), |failure| format!("“{}”", failure.what));
    answers.push(("a text of 65,537 bytes", (refused, words)));

    let typed = answers.iter().filter(|(_, (refused, _))| *refused).count();
    let told: Vec<String> = answers.iter().map(|(what, (_, reason))| format!("{what}: {reason}")).collect();
    let next = scene.say(TABLET, "Quiet here, all beds seen").await?;
    Ok(vec![
        Finding::new(
            "every malformed request gets a stated reason",
            typed == answers.len(),
            format!("{typed} of {}: {}", answers.len(), told.join("; ")),
        ),
        Finding::new(
            "nothing of it is stored, and honest messages go on",
            next == before + 1,
            format!(
                "the last number before was {before}; the next honest message got {next} and reached everyone"
            ),
        ),
    ])
}

/// What was sent, whether it was refused as it should be, and the reason.
type Answer = (&'static str, (bool, String));

async fn nonsense(
    relay: &dyn Relay,
    conversation: ConversationId,
    last: u64,
    change: Vec<u8>,
) -> Result<Vec<Answer>, Failure> {
    let random: [u8; 512] = SystemEntropy.array().map_err(defect)?;
    let elsewhere: [u8; 16] = SystemEntropy.array().map_err(defect)?;
    let elsewhere = GetWinnerRequest { conversation_id: elsewhere.to_vec().into(), epoch: 0 };
    let send = |conversation: Vec<u8>, id: &'static [u8], message: Vec<u8>| {
        relay.send(SendRequest {
            conversation_id: conversation.into(),
            client_message_id: id.into(),
            message: message.into(),
        })
    };
    let here = conversation.as_bytes().to_vec();
    let id: &'static [u8] = b"sixteen bytes id";
    let too_long = vec![0; MESSAGE_BYTES_MAX + 1];
    let malformed = &[Reason::MessageMalformed];
    let field = &[Reason::FieldInvalid];
    let commit = CommitRequest {
        conversation_id: here.clone().into(),
        commit: random.to_vec().into(),
        ..CommitRequest::default()
    };
    let cursor = Cursor { conversation_id: here.clone().into(), number: last + 1_000, epoch: 0 };
    Ok(vec![
        ("random bytes as a message", refusal(send(here.clone(), id, random.to_vec()).await, malformed)),
        ("an unknown conversation", refusal(relay.get_winner(elsewhere).await, &[Reason::NotAMember])),
        (
            "a change of members as a message",
            refusal(send(here.clone(), id, change).await, &[Reason::MessageKindRefused]),
        ),
        ("an id of 3 bytes", refusal(send(here.clone(), b"abc", random.to_vec()).await, field)),
        (
            "an empty message",
            refusal(
                send(here.clone(), id, Vec::new()).await,
                &[Reason::MessageMalformed, Reason::FieldInvalid],
            ),
        ),
        ("a message of 131,073 bytes", refusal(send(here, id, too_long).await, field)),
        (
            "random bytes as a change of members",
            refusal(
                relay.commit(commit).await,
                &[Reason::MessageMalformed, Reason::FieldInvalid, Reason::StatementInvalid],
            ),
        ),
        (
            "a place beyond the end of the log",
            refusal(relay.ack(AckRequest { cursors: vec![cursor] }).await, &[Reason::CursorBeyondHead]),
        ),
    ])
}
