//! Claims about how the revocation list comes to a device, and what a relay does that hides it, shows an old one or lets everything
//! pass. Real vaults and groups, and a relay that answers what the scene says; each attack has its control.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use wardline_identity::Clock as _;
use wardline_proto::{
    ConversationId, DeviceId, Digest, Reason, UtcMillis, in_place,
    relay::{CaughtUp, RevocationList, SubscribeResponse, subscribe_response::Event},
};

use super::{
    Session,
    follow::follow,
    greet::Greeted,
    open,
    outbox::{Passing, pass},
    refused_test::{Answers, session},
    revocation::{adopt, fetch, greeted, heard},
};
use crate::{
    conversation::{
        Change,
        broken_test::{
            house::House,
            lists::Lists,
            ward::{Log, Phone},
        },
        revoked::{is_out, outlived},
    },
    error::CoreError,
    vault::tables::{
        intents::{self, Outcome, Wish},
        outbox,
        pending_commits::{self, PendingCommit},
        relay_faults::{self, RelayFaultKind},
    },
};

/// What a greeting says that names this list.
fn says(house: &House, number: u64) -> Greeted {
    Greeted {
        holds_sha256: bytes::Bytes::new(),
        time: house.clock.now(),
        issuers_list_sha256: bytes::Bytes::new(),
        issuers_list_number: 1,
        revocation_list_number: number,
        record_head: Bytes::new(),
    }
}

/// What a relay was caught doing to all conversations: kind, number and about whom.
async fn caught(session: &Session) -> Vec<(RelayFaultKind, u64, String)> {
    let core = session.core().await;
    let mut tx = core.vault.begin("caught").await.unwrap();
    let found = relay_faults::of_all(&mut tx).await.unwrap();
    found.into_iter().map(|fault| (fault.kind, fault.number, fault.about)).collect()
}

async fn number(session: &Session) -> u64 {
    session.core().await.revocations.number()
}

async fn wishes(session: &Session) -> Vec<Wish> {
    let core = session.core().await;
    let mut tx = core.vault.begin("wishes").await.unwrap();
    intents::open(&mut tx).await.unwrap().into_iter().map(|open| open.wish).collect()
}

async fn under_way(session: &Session, conversation: &ConversationId) -> Option<PendingCommit> {
    let core = session.core().await;
    let mut tx = core.vault.begin("under_way").await.unwrap();
    pending_commits::find(&mut tx, conversation).await.unwrap()
}

/// How many messages wait that were not taken.
async fn waiting(session: &Session) -> usize {
    let core = session.core().await;
    let mut tx = core.vault.begin("waiting").await.unwrap();
    let rows = outbox::list(&mut tx).await.unwrap();
    rows.iter().filter(|row| row.accepted.is_none() && row.refusal.is_none()).count()
}

/// Two in a conversation, of whom the second is revoked by the list.
async fn two(house: &House) -> (Phone, Phone, Log, Lists) {
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    let mut lists = Lists::none(house);
    lists.revoke(house, &[b.core.device.id()]);
    (a, b, log, lists)
}

fn shows(lists: &Lists) -> Arc<Answers> {
    Arc::new(Answers { lists: Mutex::new(Some(lists.copy())), ..Answers::yes() })
}

#[tokio::test]
async fn a_list_that_the_greeting_names_is_fetched_first_and_is_there_after_a_restart() {
    for (guard, fetched) in [("", 2), ("mutant.list_later", 0)] {
        let house = House::found();
        let (a, b, _log, mut lists) = two(&house).await;
        let device = b.core.device.id();
        lists.revoke(&house, &[DeviceId::from_bytes([7; 16])]);
        let (session, relay, _home) = session(a, &shows(&lists));
        in_place::arm(guard);
        assert!(greeted(&session, &relay, &says(&house, 2)).await.unwrap());
        in_place::disarm(guard);
        assert_eq!(number(&session).await, fetched, "{guard:?}");
        let core = session.core().await;
        assert_eq!(is_out(&core.revocations, &device), guard.is_empty());
        let (stored, _) = open::revocations(&core.vault, &core.device).await.unwrap();
        assert_eq!(stored, core.revocations, "as the vault has it");
    }
}

#[tokio::test]
async fn a_list_that_is_named_and_not_shown_is_no_list() {
    let house = House::found();
    let (a, ..) = two(&house).await;
    let (session, relay, _home) = session(a, &Arc::new(Answers::yes()));
    assert!(!greeted(&session, &relay, &says(&house, 1)).await.unwrap());
    assert_eq!(number(&session).await, 0);
}

/// A member goes by a list and says something. The list that another has then, and what its relay was caught doing: one that shows
/// the list, or hides it.
async fn says_something(guard: &'static str, hidden: bool) -> (u64, Vec<(RelayFaultKind, u64, String)>) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[DeviceId::from_bytes([7; 16])]);
    lists.reaches(&mut a).await;
    log.talk(&mut a, "by list 1", &mut []).await;
    let entry = Event::Entry(log.entries.last().unwrap().clone());
    let events = [entry, Event::CaughtUp(CaughtUp {})].map(|event| SubscribeResponse { event: Some(event) });
    let answers = if hidden { Arc::new(Answers::yes()) } else { shows(&lists) };
    *answers.streams.lock().unwrap() = VecDeque::from([events.to_vec()]);
    let (session, relay, _home) = session(b, &answers);
    in_place::arm(guard);
    follow(&session, &relay, "quic", || {}).await.unwrap();
    in_place::disarm(guard);
    (number(&session).await, caught(&session).await)
}

#[tokio::test]
async fn a_list_that_the_relay_hides_is_heard_of_by_the_first_word_of_a_member_who_has_it() {
    assert_eq!(says_something("", false).await, (1, Vec::new()), "the control: it is fetched");
    let hidden = (RelayFaultKind::HiddenList, 1, "doctor-a".to_owned());
    assert_eq!(says_something("", true).await, (0, vec![hidden]));
    assert_eq!(says_something("mutant.hidden_list", true).await, (0, Vec::new()), "the guard taken away");
    assert_eq!(says_something("mutant.list_unheard", false).await, (0, Vec::new()), "the guard taken away");
}

/// A device has list 2, and the relay tells of another when it is asked, or by the stream. What it was caught doing.
async fn told_of_another(
    guard: &'static str,
    other: impl FnOnce(&House, &Lists) -> Lists,
) -> Vec<(RelayFaultKind, u64, String)> {
    told_by((guard, false), other).await
}

async fn told_by(
    (guard, stream): (&'static str, bool),
    other: impl FnOnce(&House, &Lists) -> Lists,
) -> Vec<(RelayFaultKind, u64, String)> {
    let house = House::found();
    let (mut a, b, _log, first) = two(&house).await;
    let mut lists = first.copy();
    let second = DeviceId::from_bytes([7; 16]);
    lists.revoke(&house, &[second]);
    lists.reaches(&mut a).await;
    let other = other(&house, &first);
    let (session, relay, _home) = session(a, &shows(&other));
    in_place::arm(guard);
    if stream {
        heard(&session, &relay, other.signed()).await.unwrap();
    } else {
        let _ = fetch(&session, &relay).await;
    }
    in_place::disarm(guard);
    let core = session.core().await;
    assert_eq!(core.revocations.number(), 2, "the list at hand stays");
    assert!(is_out(&core.revocations, &second) && is_out(&core.revocations, &b.core.device.id()));
    drop(core);
    caught(&session).await
}

#[tokio::test]
async fn an_old_list_and_one_that_leaves_somebody_out_are_refused_kept_and_shown() {
    let old = |_: &House, first: &Lists| first.copy();
    assert_eq!(told_of_another("", old).await, [(RelayFaultKind::LowerList, 2, String::new())]);
    let instead = |house: &House, first: &Lists| {
        let mut other = first.copy();
        other.revoke(house, &[DeviceId::from_bytes([8; 16])]);
        other
    };
    assert_eq!(told_of_another("", instead).await, [(RelayFaultKind::FalseList, 2, String::new())]);
    let higher = |house: &House, first: &Lists| {
        let mut other = instead(house, first);
        other.revoke(house, &[]);
        other
    };
    assert_eq!(told_of_another("", higher).await, [(RelayFaultKind::FalseList, 2, String::new())]);
    for other in [old as fn(&House, &Lists) -> Lists, instead] {
        assert!(told_of_another("mutant.false_list", other).await.is_empty(), "the guard taken away");
    }
    let known = |house: &House, first: &Lists| {
        let mut same = first.copy();
        same.revoke(house, &[DeviceId::from_bytes([7; 16])]);
        house.clock.advance_seconds(60);
        same.sign_again(house);
        same
    };
    assert!(told_of_another("", known).await.is_empty(), "the control: the same one, signed again");
}

#[tokio::test]
async fn a_stream_that_lags_behind_what_the_device_got_another_way_is_no_lie() {
    let old = |_: &House, first: &Lists| first.copy();
    assert!(told_by(("", true), old).await.is_empty());
    let accused = told_by(("mutant.lag_is_a_lie", true), old).await;
    assert_eq!(accused, [(RelayFaultKind::LowerList, 2, String::new())], "the guard taken away");
    let instead = |house: &House, first: &Lists| {
        let mut other = first.copy();
        other.revoke(house, &[DeviceId::from_bytes([8; 16])]);
        other
    };
    let caught = told_by(("", true), instead).await;
    assert_eq!(caught, [(RelayFaultKind::FalseList, 2, String::new())], "the control: one that leaves out");
}

#[tokio::test]
async fn a_list_that_no_issuer_signed_is_refused() {
    let house = House::found();
    let (a, _b, _log, lists) = two(&house).await;
    let (session, relay, _home) = session(a, &Arc::new(Answers::yes()));
    let mut forged = lists.signed();
    let mut list: RevocationList = prost::Message::decode(forged.body.clone()).unwrap();
    list.life_seconds += 1;
    forged.body = prost::Message::encode_to_vec(&list).into();
    let refused = adopt(&session, forged.clone(), &[]).await;
    assert!(matches!(refused, Err(CoreError::Revocation(_))));
    assert_eq!(number(&session).await, 0);
    drop(relay);
}

#[tokio::test]
async fn a_relay_that_has_forgotten_a_list_is_told_of_it() {
    for (guard, told) in [("", 1), ("mutant.list_kept", 0)] {
        let house = House::found();
        let (mut a, _b, _log, first) = two(&house).await;
        let mut lists = first.copy();
        lists.revoke(&house, &[DeviceId::from_bytes([7; 16]), DeviceId::from_bytes([8; 16])]);
        lists.reaches(&mut a).await;
        let answers = shows(&first);
        let (session, relay, _home) = session(a, &answers);
        in_place::arm(guard);
        assert!(greeted(&session, &relay, &says(&house, 1)).await.unwrap());
        in_place::disarm(guard);
        let published = answers.published.lock().unwrap();
        assert_eq!(published.len(), told, "{guard:?}");
        for request in published.iter() {
            assert_eq!(request.list, Some(lists.signed()));
            assert_eq!(request.acts, lists.after(1).acts, "what it lacks, and no more");
        }
    }
}

/// The relay takes no message before somebody is out whom only its list names. What it gets, and whether the message waits.
async fn refused_until_removed(guard: &'static str) -> (usize, usize, bool) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("doctor-c").await;
    let log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[c.core.device.id()]);
    a.say(&log.conversation, "waits").await;
    let answers = Arc::new(Answers {
        sends: Box::new(|_| Some(Reason::RevocationPending)),
        lists: Mutex::new(Some(lists.copy())),
        ..Answers::yes()
    });
    let (session, relay, _home) = session(a, &answers);
    in_place::arm(guard);
    let mut passing = Passing::default();
    for _ in 0..2 {
        pass(&session, &relay, &mut passing).await.unwrap();
    }
    in_place::disarm(guard);
    let commits = answers.committed.lock().unwrap().len();
    (commits, waiting(&session).await, wishes(&session).await.contains(&Wish::RemoveRevoked))
}

#[tokio::test]
async fn who_meets_the_fence_fetches_the_list_and_makes_the_removal() {
    assert_eq!(refused_until_removed("").await, (1, 1, true));
    assert_eq!(refused_until_removed("mutant.pending_waits").await, (0, 1, false), "the guard taken away");
}

/// A commit is under way when the list comes that names a member. What the relay gets of it: the commit's digest, before and after.
async fn commit_under_way(guard: &'static str) -> (usize, bool) {
    let house = House::found();
    let (mut a, mut b, log, lists) = two(&house).await;
    let before = a.stages(&log.conversation, Change::default()).await.sha256;
    lists.reaches(&mut a).await;
    let _ = &mut b;
    let answers = shows(&lists);
    let (session, relay, _home) = session(a, &answers);
    in_place::arm(guard);
    let mut passing = Passing::default();
    for _ in 0..2 {
        pass(&session, &relay, &mut passing).await.unwrap();
    }
    in_place::disarm(guard);
    let after: Digest = under_way(&session, &log.conversation).await.expect("one is under way").sha256;
    let sent = answers.committed.lock().unwrap().len();
    (sent, after == before)
}

#[tokio::test]
async fn a_commit_under_way_that_leaves_a_revoked_device_in_is_not_sent_any_more() {
    assert_eq!(commit_under_way("").await, (1, false), "the removal went instead");
    assert_eq!(commit_under_way("mutant.submit_to_revoked").await, (1, true), "the guard taken away");
}

/// A newer list names a member of a conversation in which nobody says anything, and no relay asks. How many commits there are: at
/// once, and after a second.
async fn by_itself(guard: &'static str) -> [usize; 2] {
    let house = House::found();
    let (mut a, _b, log, lists) = two(&house).await;
    let mut tx = a.core.vault.begin("wish_for_nothing").await.unwrap();
    intents::end_where(&mut tx, &log.conversation, &Outcome::Done, |_| true).await.unwrap();
    tx.commit().await.unwrap();
    lists.reaches(&mut a).await;
    let answers = shows(&lists);
    let (session, relay, _home) = session(a, &answers);
    in_place::arm(guard);
    let mut passing = Passing::default();
    let mut commits = [0; 2];
    for commits in &mut commits {
        pass(&session, &relay, &mut passing).await.unwrap();
        *commits = answers.committed.lock().unwrap().len();
        house.clock.advance_seconds(2);
    }
    in_place::disarm(guard);
    if guard.is_empty() {
        let core = session.core().await;
        let (_, known) = open::revocations(&core.vault, &core.device).await.unwrap();
        assert_eq!((known.looked, core.list.looked), (1, 1), "each conversation is looked at once");
    }
    commits
}

#[tokio::test]
async fn whoever_is_named_goes_though_nobody_says_anything_and_no_relay_asks() {
    let [at_once, then] = by_itself("").await;
    assert!(at_once <= 1 && then == 1);
    assert_eq!(by_itself("mutant.look_at_none").await, [0, 0], "the guard taken away");
}

#[tokio::test]
async fn a_time_that_the_relay_has_signed_ends_the_list_though_the_own_clock_stands_still() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[]);
    lists.reaches(&mut a).await;
    a.say(&log.conversation, "waits").await;
    let answers = shows(&lists);
    let (session, relay, _home) = session(a, &answers);
    let later = UtcMillis::new(house.clock.now().get() + 72 * 3_600_000);
    for time in [later, house.clock.now()] {
        greeted(&session, &relay, &Greeted { time, ..says(&house, 1) }).await.unwrap();
        assert!(outlived(&*session.core().await).is_some(), "and it stays so, whatever is signed after it");
        pass(&session, &relay, &mut Passing::default()).await.unwrap();
        assert_eq!(answers.came.lock().unwrap().1, 0);
    }
    // Signed again, it is as good as ever: by a time that is past that end too.
    house.clock.advance_seconds(72 * 3_600 + 1);
    lists.sign_again(&house);
    *answers.lists.lock().unwrap() = Some(lists.copy());
    heard(&session, &relay, lists.signed()).await.unwrap();
    assert!(outlived(&*session.core().await).is_none());
}

/// A relay's clock is so many hours ahead once, and right again when an issuer signs the list, so many hours after the first time. Whether
/// a device that was connected all the while goes by that.
async fn after_a_jump(guard: &'static str) -> [bool; 2] {
    let house = House::found();
    let mut a = house.phone("doctor-a").await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[]);
    lists.reaches(&mut a).await;
    let answers = shows(&lists);
    let (session, relay, _home) = session(a, &answers);
    let ahead = UtcMillis::new(house.clock.now().get() + 100 * 3_600_000);
    in_place::arm(guard);
    greeted(&session, &relay, &Greeted { time: ahead, ..says(&house, 1) }).await.unwrap();
    let before = outlived(&*session.core().await).is_none();
    house.clock.advance_seconds(3_600);
    lists.sign_again(&house);
    heard(&session, &relay, lists.signed()).await.unwrap();
    in_place::disarm(guard);
    let after = outlived(&*session.core().await).is_none();
    [before, after]
}

#[tokio::test]
async fn a_relay_clock_that_was_ahead_once_does_not_outlast_the_next_signature() {
    assert_eq!(after_a_jump("").await, [false, true]);
    assert_eq!(after_a_jump("mutant.jumped_clock").await, [false, false], "the guard taken away");
}

/// A list ends by the time that the relay signs, and the one that it gives then was signed so many hours after the first. Whether it
/// is relied on.
async fn signed_after(guard: &'static str, hours: u64) -> bool {
    let house = House::found();
    let mut a = house.phone("doctor-a").await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[]);
    lists.reaches(&mut a).await;
    let time = UtcMillis::new(house.clock.now().get() + 200 * 3_600_000);
    house.clock.advance_seconds(hours * 3_600);
    lists.sign_again(&house);
    let (session, relay, _home) = session(a, &shows(&lists));
    in_place::arm(guard);
    greeted(&session, &relay, &Greeted { time, ..says(&house, 1) }).await.unwrap();
    in_place::disarm(guard);
    outlived(&*session.core().await).is_none()
}

#[tokio::test]
async fn a_list_that_was_signed_again_and_has_ended_by_then_is_not_relied_on() {
    assert!(signed_after("", 199).await, "the control");
    assert!(!signed_after("", 1).await);
    assert!(signed_after("mutant.any_list_is_fresh", 1).await, "the guard taken away");
}
