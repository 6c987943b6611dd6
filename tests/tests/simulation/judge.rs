//! The end of a scene: all faults heal, the devices come to rest, and what they show is judged.

use std::time::Duration;

use wardline_client_core::api::{Answer, Command, ConversationDetail, Member, Message, Reach};
use wardline_proto::in_place::disarm;
use wardline_tests::{Accepted, Transcript, check};

use crate::{
    judge_named,
    operation::{Operation, Plan},
    phone::{self, Phone},
    scene::{Scene, Verdict},
};

/// How often the devices are asked to sync before they count as stuck, and how long they get between.
const ROUNDS: usize = 40;
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of a device at the end.
struct Seen {
    name: String,
    user: &'static str,
    device: String,
    /// Whether it stayed all the time.
    stayed: bool,
    /// Whether it is revoked or on hold: it does not know where the others are.
    out: bool,
    detail: ConversationDetail,
    messages: Vec<Message>,
    waiting: usize,
}

impl Seen {
    fn is_in(&self) -> bool {
        self.detail.summary.state == "active"
    }
}

/// Heals, waits, judges.
pub(crate) async fn judge(scene: &mut Scene) -> Verdict {
    scene.ground.trace.say("scene", "heals");
    disarm("member.worthless_commit");
    disarm("member.garbage_path");
    for phone in scene.everybody() {
        phone.connector.faults().heal();
        phone.clock.mend();
        phone.settle().await;
    }
    let mut verdict = Verdict::default();
    match judge_named::finish(scene).await {
        Ok(standing) => scene.standing = standing,
        Err(why) => verdict.faults.push(why),
    }
    rest(scene).await;
    if scene.plan.restored {
        after_restore(scene, &mut verdict).await;
        return verdict;
    }
    // 0. Nothing waits for somebody to say something.
    for phone in scene.in_force() {
        let is_in = detail(phone, &scene.conversation).await.summary.state == "active";
        let waits = waiting(phone).await;
        if is_in && waits > 0 {
            verdict.faults.push(format!("stuck: {waits} of {} wait, and nothing is to come", phone.name));
        }
    }

    // 1. It still works: a message from each that is in, and another name.
    let name = format!("At the end of {}", scene.ground.seed);
    for (place, phone) in scene.in_force().enumerate() {
        if detail(phone, &scene.conversation).await.summary.state != "active" {
            continue;
        }
        let text = format!("the last of {place}");
        let send = Command::Send {
            conversation: scene.conversation.clone(),
            text: text.clone(),
            expires_seconds: None,
        };
        let answer = phone.execute(send, Reach::Online).await;
        phone::note(&scene.ground, (phone.user, &phone.name), &text, answer);
    }
    let rename = Command::ConversationRename { conversation: scene.conversation.clone(), name: name.clone() };
    if let Err(failure) = scene.phones[0].execute(rename, Reach::Online).await
        && !phone::is_interruption(failure.kind)
    {
        verdict.faults.push(format!("stuck: a rename: {failure}"));
    }
    rest(scene).await;

    // 2. What they show.
    let seen = look(scene).await;
    // A rename that another device had waiting may have come after it.
    let was_renamed = |one: &Message| one.kind == "event" && one.text.contains(&name);
    if seen[0].detail.summary.name != name && !seen[0].messages.iter().any(was_renamed) {
        verdict.faults.push(format!("stuck: the name is {}", seen[0].detail.summary.name));
    }
    pictures(&seen, &scene.plan, &mut verdict);
    for one in seen.iter().filter(|one| scene.standing.back.contains(&one.name) && !one.is_in()) {
        verdict.faults.push(format!("not back: {}", one.name));
    }
    transcripts(scene, &seen, &mut verdict);
    visits(&seen, &mut verdict);
    let shown: Vec<_> = seen.iter().map(|one| (one.name.clone(), texts(one))).collect();
    verdict.faults.extend(judge_named::judge(scene, &shown).await);
    verdict.acts = scene.ground.notes().named.answered();
    verdict.faults.extend(scene.ground.notes().faults.iter().cloned());
    verdict
}

async fn look(scene: &Scene) -> Vec<Seen> {
    let mut seen = Vec::new();
    for phone in &scene.phones {
        let stayed = !scene.ground.notes().may_be_out(phone.user, &phone.name);
        let one = Seen {
            name: phone.name.clone(),
            user: phone.user,
            device: phone.device.clone(),
            stayed,
            out: scene.standing.out.contains(&phone.name),
            detail: detail(phone, &scene.conversation).await,
            messages: messages(phone, &scene.conversation).await,
            waiting: waiting(phone).await,
        };
        scene.ground.trace.say(&one.name, &format!("shows {} entries", one.messages.len()));
        for message in &one.messages {
            scene
                .ground
                .trace
                .say(&one.name, &format!("{} {} {}", message.number, message.kind, message.text));
        }
        seen.push(one);
    }
    seen
}

/// All that are in stand at the same place, with the same name, members and safety code, and are well; nobody else is
/// named as a member.
fn pictures(seen: &[Seen], plan: &Plan, verdict: &mut Verdict) {
    let picture = |seen: &Seen| {
        let detail = &seen.detail;
        let members: Vec<(String, usize)> =
            detail.members.iter().map(|member| (member.user.clone(), member.devices.len())).collect();
        (detail.number, detail.summary.name.clone(), members, detail.safety_code.clone())
    };
    let first = picture(&seen[0]);
    for (place, one) in seen.iter().enumerate() {
        let summary = &one.detail.summary;
        let named = names(&seen[0].detail.members, &one.device);
        if one.out {
            if named {
                verdict.faults.push(format!("still in: {}", one.name));
            }
            continue;
        }
        if one.stayed && !one.is_in() {
            verdict.faults.push(format!("not well: {}: {summary:?}", one.name));
        }
        if one.is_in() != named {
            let (is, names) = (&summary.state, if named { "a member" } else { "none" });
            verdict.faults.push(format!("apart: {} is {is}, and is named {names}", one.name));
        }
        if one.is_in() && picture(one) != first {
            verdict.faults.push(format!("apart: {} shows {:?}, not {first:?}", one.name, picture(one)));
        }
        if one.is_in() && summary.held.is_some() {
            verdict.faults.push(format!("held: {} shows {summary:?}", one.name));
        }
        let causes = plan.causes(place);
        for fault in &one.detail.relay_faults {
            if !causes.contains(fault.relay_fault.as_str()) {
                verdict.faults.push(format!("blamed: {} shows {fault:?}", one.name));
            }
        }
    }
}

/// Whether a device is among the members.
fn names(members: &[Member], device: &str) -> bool {
    members.iter().flat_map(|member| &member.devices).any(|one| one.device == device)
}

fn texts(seen: &Seen) -> Vec<String> {
    let texts = seen.messages.iter().filter(|one| one.kind == "text");
    texts.map(|one| one.text.clone()).collect()
}

fn transcripts(scene: &Scene, seen: &[Seen], verdict: &mut Verdict) {
    let mut transcripts = Vec::new();
    let stayed: Vec<&Seen> = seen.iter().filter(|one| one.stayed).collect();
    for one in &stayed {
        // What came after a commit that nobody can open is missed, and sent again.
        let known: &[&str] =
            if scene.plan.worthless { &["text", "event", "missed"] } else { &["text", "event"] };
        for odd in one.messages.iter().filter(|one| !known.contains(&one.kind.as_str())) {
            verdict.faults.push(format!("{} at {} for {}", odd.kind, odd.number, one.name));
        }
        transcripts.push(transcript(one));
    }
    // Who was let in by the first entry reads of it in other words than who let them in.
    let rows = |seen: &Seen| -> Vec<_> {
        let rows = seen.messages.iter().filter(|one| one.number > 1);
        // Who hears of a list later reads of a removal in other words.
        let words = |one: &Message| match one.kind.as_str() {
            "event" if scene.office.is_some() => String::new(),
            _ => one.text.clone(),
        };
        rows.map(|one| (one.number, one.kind.clone(), one.from.clone(), words(one))).collect()
    };
    let first = rows(stayed[0]);
    for one in &stayed[1..] {
        let other = rows(one);
        if first != other && !scene.plan.worthless {
            let apart = first.iter().zip(&other).find(|(a, b)| a != b);
            let (here, there) = (first.len(), other.len());
            verdict.faults.push(format!("transcripts differ: {}: {here} and {there}: {apart:?}", one.name));
        }
    }
    let notes = scene.ground.notes();
    // What somebody queued who went may never have been sent.
    let promised = notes
        .accepted
        .iter()
        .filter(|(sender, one)| one.number.is_some() || !notes.may_be_out(sender.user, &sender.name));
    let promised: Vec<_> = promised.map(|(_, one)| one.clone()).map(|one| again(scene, one)).collect();
    let report = check(&promised, &transcripts);
    verdict.acknowledged = notes.accepted.iter().filter(|(_, one)| one.number.is_some()).count();
    verdict.delivered = report.delivered;
    verdict.first_number = promised.iter().filter_map(|one| one.number).min().unwrap_or(0);
    let excused = |device: &str, text: &str| {
        let one = stayed.iter().find(|one| one.name == device);
        one.is_some_and(|one| is_missed(scene, one, text, seen))
    };
    let list = |what: &str, found: &[(String, String)]| -> Vec<String> {
        let found = found.iter().filter(|(device, text)| !excused(device, text));
        found.map(|(device, text)| format!("{what}: {text} at {device}")).collect()
    };
    verdict.faults.extend(list("lost", &report.lost));
    verdict.faults.extend(list("twice", &report.twice));
    verdict.faults.extend(list("stuck", &report.stuck));
    verdict.faults.extend(report.disorder.iter().map(|number| format!("disorder at {number}")));
}

/// Whether a message came while the device could not follow a commit that nobody can open, and somebody new came after it:
/// it is not said again, since they would read it, and is shown as missed under a number that it has for somebody.
fn is_missed(scene: &Scene, seen: &Seen, text: &str, all: &[Seen]) -> bool {
    let adds = |operation: &Operation| matches!(operation, Operation::Add(..));
    let shown = all.iter().flat_map(|one| &one.messages).filter(|one| one.text == text);
    let numbers: Vec<u64> = shown.map(|one| one.number).collect();
    let missed = |one: &Message| one.kind == "missed" && numbers.contains(&one.number);
    scene.plan.worthless && scene.plan.operations.iter().any(adds) && seen.messages.iter().any(missed)
}

/// What was acknowledged after a commit that nobody can open comes again under another number.
fn again(scene: &Scene, message: Accepted) -> Accepted {
    if scene.plan.worthless { Accepted { number: None, ..message } } else { message }
}

fn transcript(one: &Seen) -> Transcript {
    let texts = one.messages.iter().filter(|one| one.kind == "text");
    let entries = texts.map(|one| (one.number, one.text.clone())).collect();
    Transcript { device: one.name.clone(), entries, waiting: one.waiting }
}

/// Devices of people who went, and perhaps came back: within each of their stays they show what the first device shows,
/// and nothing of what was between.
fn visits(seen: &[Seen], verdict: &mut Verdict) {
    let first = transcript(&seen[0]).entries;
    for one in seen.iter().filter(|one| !one.stayed) {
        let shown = transcript(one).entries;
        let joined = |message: &&Message| message.kind == "event" && message.text.contains(" added you to ");
        let mut stays: Vec<u64> = one.messages.iter().filter(joined).map(|message| message.number).collect();
        stays.insert(0, 0);
        let last = one.messages.last().map_or(0, |message| message.number);
        let ends = |stay: usize| match stays.get(stay + 1) {
            Some(next) => {
                one.messages.iter().map(|message| message.number).filter(|n| n < next).max().unwrap_or(0)
            }
            None if one.is_in() => one.detail.number,
            None => last,
        };
        let mut expected: Vec<(u64, String)> = Vec::new();
        for (stay, begun) in stays.iter().enumerate() {
            let inside = *begun..=ends(stay);
            expected.extend(first.iter().filter(|(number, _)| inside.contains(number)).cloned());
        }
        if shown != expected {
            verdict
                .faults
                .push(format!("a visit of {}: {shown:?}, not {expected:?}, by stays {stays:?}", one.name));
        }
    }
}

/// After an older copy of the relay came back: nothing twice, no order turned round; and what was acknowledged and is not
/// everywhere is not silently lost: of two devices, one of which shows it, one says that the relay is at fault, and what
/// nobody shows its sender still has to send, or says so of.
async fn after_restore(scene: &mut Scene, verdict: &mut Verdict) {
    let seen = look(scene).await;
    let notes = scene.ground.notes();
    for one in &seen {
        let mut texts: Vec<&String> =
            one.messages.iter().filter(|one| one.kind == "text").map(|one| &one.text).collect();
        texts.sort_unstable();
        let all = texts.len();
        texts.dedup();
        if texts.len() != all {
            verdict.faults.push(format!("twice: after a restore, at {}", one.name));
        }
        if one.messages.windows(2).any(|two| two[0].number >= two[1].number) {
            verdict.faults.push(format!("disorder: after a restore, at {}", one.name));
        }
    }
    for (sender, message) in &notes.accepted {
        let shows = |one: &&Seen| one.messages.iter().any(|shown| shown.text == message.text);
        let (with, without): (Vec<&Seen>, Vec<&Seen>) = seen.iter().partition(shows);
        verdict.acknowledged += usize::from(message.number.is_some());
        verdict.delivered += usize::from(without.is_empty());
        // Of two, one of which lacks it, one says why; what nobody shows, its sender says of.
        let apart = with.iter().flat_map(|with| without.iter().map(move |without| (*with, *without)));
        let silent = apart.filter(|(with, without)| !noticed(with) && !noticed(without));
        let sent = |one: &&Seen| one.user == sender.user && (noticed(one) || one.waiting > 0);
        let vanished = with.is_empty() && !seen.iter().any(|one| sent(&one));
        if message.number.is_some() && (vanished || silent.clone().next().is_some()) {
            let who: Vec<_> = silent.map(|(with, without)| (&with.name, &without.name)).collect();
            verdict.faults.push(format!("lost silently: {}: shown and not: {who:?}", message.text));
        }
    }
    let panicked = notes.faults.iter().filter(|fault| fault.starts_with("panicked"));
    verdict.faults.extend(panicked.cloned());
}

/// Whether a device says that the relay has or shows another log than its own.
fn noticed(one: &Seen) -> bool {
    one.detail.relay_faults.iter().any(|fault| ["rewound", "other_log"].contains(&fault.relay_fault.as_str()))
}

/// All sync until nothing waits and all that are in stand at the same entry; gives up after a while, and the judgement
/// says where.
async fn rest(scene: &Scene) {
    let rounds = if scene.plan.restored { ROUNDS / 4 } else { ROUNDS };
    for _ in 0..rounds {
        for phone in scene.in_force() {
            // An interruption that is still felt: the next round tries again.
            let _ = phone.execute(Command::Sync, Reach::Online).await;
        }
        let mut places = Vec::new();
        let mut idle = true;
        let members = detail(&scene.phones[0], &scene.conversation).await.members;
        for phone in scene.in_force() {
            let detail = detail(phone, &scene.conversation).await;
            // Otherwise it left and was not let go yet, or waits to be let in anew, or was and has not heard of it.
            let named = names(&members, &phone.device);
            idle &= detail.summary.state == if named { "active" } else { "removed" };
            idle &= named || !scene.standing.back.contains(&phone.name);
            if detail.summary.state == "active" {
                idle &= waiting(phone).await == 0;
                places.push((detail.number, detail.safety_code));
            }
        }
        // Whoever must not be in is not.
        let still =
            |phone: &Phone| scene.standing.out.contains(&phone.name) && names(&members, &phone.device);
        idle &= !scene.phones.iter().any(still);
        places.dedup();
        if idle && places.len() == 1 {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn detail(phone: &Phone, conversation: &str) -> ConversationDetail {
    let show = Command::ConversationShow { conversation: conversation.to_owned() };
    match phone.execute(show, Reach::Offline).await {
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
