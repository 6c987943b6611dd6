//! The end of a schedule: all faults heal, both devices come to rest, and what they show is judged.

use std::{sync::PoisonError, time::Duration};

use wardline_client_core::api::{Answer, Command, ConversationDetail, Message, Reach};
use wardline_tests::{Transcript, check};

use crate::{
    phone::{self, Phone},
    scene::{Scene, Verdict},
    template::PEOPLE,
};

/// How often both devices are asked to sync before they count as stuck, and how long they get between.
const ROUNDS: usize = 60;
const PAUSE: Duration = Duration::from_secs(1);

/// Heals, waits, judges.
pub(crate) async fn judge(scene: &mut Scene) -> Verdict {
    let mut verdict = Verdict::default();
    for phone in &mut scene.phones {
        phone.connector.faults().heal();
        phone.settle().await;
    }
    rest(scene).await;

    // 1. It still works: a message from each, and another name.
    for (place, phone) in scene.phones.iter().enumerate() {
        let text = format!("the last of {}", PEOPLE[place]);
        let send = Command::Send { conversation: scene.conversation.clone(), text: text.clone() };
        phone::note(&scene.notes, &text, phone.execute(send, Reach::Online).await);
    }
    let name = "At the end".to_owned();
    let rename = Command::ConversationRename { conversation: scene.conversation.clone(), name: name.clone() };
    if let Err(failure) = scene.phones[0].execute(rename, Reach::Online).await {
        verdict.faults.push(format!("stuck: a rename: {failure}"));
    }
    rest(scene).await;

    // 2. The same place, name, members and safety code.
    let (a, b) = (detail(scene, 0).await, detail(scene, 1).await);
    let picture = |detail: &ConversationDetail| {
        let members: Vec<(String, usize)> =
            detail.members.iter().map(|member| (member.user.clone(), member.devices.len())).collect();
        (detail.number, detail.summary.name.clone(), members, detail.safety_code.clone())
    };
    if picture(&a) != picture(&b) || a.summary.name != name {
        verdict.faults.push(format!("apart: {:?} and {:?}", picture(&a), picture(&b)));
    }
    for summary in [&a.summary, &b.summary] {
        if summary.held.is_some() || summary.fault.is_some() || summary.state != "active" {
            verdict.faults.push(format!("not well: {summary:?}"));
        }
    }

    // 3. The transcripts.
    transcripts(scene, &mut verdict).await;
    verdict.faults.extend(scene.faults());
    if !verdict.faults.is_empty() {
        scene.phones.iter().for_each(|phone| verdict.faults.extend(phone.history()));
    }
    verdict
}

async fn transcripts(scene: &Scene, verdict: &mut Verdict) {
    let mut shown = Vec::new();
    let mut transcripts = Vec::new();
    for (place, phone) in scene.phones.iter().enumerate() {
        let messages = messages(phone, &scene.conversation).await;
        for odd in messages.iter().filter(|one| !["text", "event"].contains(&one.kind.as_str())) {
            verdict.faults.push(format!("{} at {} for {}", odd.kind, odd.number, PEOPLE[place]));
        }
        let texts = messages.iter().filter(|one| one.kind == "text");
        transcripts.push(Transcript {
            device: PEOPLE[place].to_owned(),
            entries: texts.map(|one| (one.number, one.text.clone())).collect(),
            waiting: waiting(phone).await,
        });
        // Who was let in by the first entry reads of it in other words than who let them in.
        let messages = messages.into_iter().filter(|one| one.number > 1);
        let all: Vec<_> = messages.map(|one| (one.number, one.kind, one.from, one.text)).collect();
        shown.push(all);
    }
    if shown[0] != shown[1] {
        let apart = shown[0].iter().zip(&shown[1]).find(|(a, b)| a != b);
        verdict.faults.push(format!("transcripts differ: {apart:?}"));
    }
    let accepted = scene.notes.lock().unwrap_or_else(PoisonError::into_inner).accepted.clone();
    let report = check(&accepted, &transcripts);
    verdict.acknowledged = report.acknowledged;
    verdict.delivered = report.delivered;
    verdict.first_number = accepted.iter().filter_map(|one| one.number).min().unwrap_or(0);
    let list = |what: &str, found: &[(String, String)]| -> Vec<String> {
        found.iter().map(|(device, text)| format!("{what}: {text} at {device}")).collect()
    };
    verdict.faults.extend(list("lost", &report.lost));
    verdict.faults.extend(list("twice", &report.twice));
    verdict.faults.extend(list("stuck", &report.stuck));
    verdict.faults.extend(report.disorder.iter().map(|number| format!("disorder at {number}")));
}

/// Both sync until nothing waits and both stand at the same entry; gives up after a while, and the judgement says
/// where.
async fn rest(scene: &Scene) {
    for _ in 0..ROUNDS {
        for phone in &scene.phones {
            // An interruption that is still felt: the next round tries again.
            let _ = phone.execute(Command::Sync, Reach::Online).await;
        }
        let (a, b) = (detail(scene, 0).await, detail(scene, 1).await);
        let idle = waiting(&scene.phones[0]).await == 0 && waiting(&scene.phones[1]).await == 0;
        if idle && a.number == b.number && a.safety_code == b.safety_code {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn detail(scene: &Scene, place: usize) -> ConversationDetail {
    let show = Command::ConversationShow { conversation: scene.conversation.clone() };
    match scene.phones[place].execute(show, Reach::Offline).await {
        Ok(Answer::Conversation(detail)) => *detail,
        other => panic!("a conversation: {other:?}"),
    }
}

async fn messages(phone: &Phone, conversation: &str) -> Vec<Message> {
    let read = Command::Read { conversation: conversation.to_owned(), since: Some(0), new: false };
    match phone.execute(read, Reach::Offline).await {
        Ok(Answer::Messages(messages)) => messages.messages,
        other => panic!("messages: {other:?}"),
    }
}

/// How many messages are not in the log yet, whatever the relay said of them.
async fn waiting(phone: &Phone) -> usize {
    match phone.execute(Command::OutboxList, Reach::Offline).await {
        Ok(Answer::Outbox(outbox)) => outbox.outbox.iter().filter(|one| one.state != "refused").count(),
        other => panic!("an outbox: {other:?}"),
    }
}
