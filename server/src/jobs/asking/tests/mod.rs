//! Claims about the passes: a real database and real streams, the instants by hand.

use bytes::Bytes;
use wardline_identity::UserId;
use wardline_proto::{Digest, in_place};

mod closing;
mod no_gain;

use super::*;
use crate::domain::conversation::{CommitOutcome, ConversationError};
use crate::domain::membership::{
    Ground, Member, MembershipError, MembershipStorage as _, OutOfStep, Request, Task, TaskKind, ask_members,
    report,
};
use crate::domain::ward::{Says, WARD, Ward, device};
use crate::live::LiveStream;
use crate::task_bell::TaskBell;

/// Each device is one of a person of its own; 101 is another one of 1's.
fn user(of: u8) -> UserId {
    UserId::parse(&format!("user-{}", of % 100)).unwrap()
}

/// A ward, its connected devices, and the job.
struct Scene {
    ward: Ward,
    live: Live,
    bell: TaskBell,
    board: Board,
    streams: BTreeMap<u8, LiveStream>,
}

impl Scene {
    /// With a conversation of these devices, all of which have read it and are connected.
    async fn with(all: &[u8]) -> Self {
        let ward = Ward::with(all).await;
        let mut scene = Self {
            ward,
            live: Live::default(),
            bell: TaskBell::default(),
            board: Board::default(),
            streams: BTreeMap::new(),
        };
        for who in all {
            scene.enrol(*who).await;
            scene.ward.ack(*who, 1).await.unwrap();
            scene.comes(*who);
        }
        scene.pass().await;
        scene
    }

    async fn enrol(&self, who: u8) {
        let (user, digest) = (user(who), Digest::of(&[who]));
        let enrol = self.ward.store.write("enrol", move |tx| {
            Box::pin(async move { tx.enrol_for_tests(device(who), &user, &digest).await })
        });
        let done: Result<(), StoreError> = enrol.await;
        done.unwrap();
    }

    fn comes(&mut self, who: u8) {
        let stream = self.live.open(device(who)).take_over(&[WARD]);
        stream.caught_up();
        self.bell.ready(device(who));
        self.streams.insert(who, stream);
    }

    fn goes(&mut self, who: u8) {
        self.streams.remove(&who);
    }

    /// One pass now; when the next is due, in milliseconds from now.
    async fn pass(&mut self) -> u64 {
        let now = self.ward.now();
        let rung = self.bell.take();
        let next = run_once(&mut self.board, &self.ward.store, &self.live, rung, now).await.unwrap();
        next.get() - now.get()
    }

    /// Who was asked since the last look.
    fn asked(&self) -> Vec<u8> {
        let asked = self.streams.iter().filter(|(_, stream)| !stream.look().tasks.is_empty());
        asked.map(|(who, _)| *who).collect()
    }

    async fn leaves(&self, who: u8) {
        let user = user(who);
        let ground = Ground::Leave { conversation: WARD, user: user.clone() };
        let statement = Bytes::from_static(b"x");
        let request = Request { device: device(who), user, conversations: vec![WARD], ground, statement };
        let now = self.ward.now();
        let write = self
            .ward
            .store
            .write("ask", move |tx| Box::pin(async move { ask_members(tx, &request, now).await }));
        let owed: Result<_, MembershipError> = write.await;
        owed.unwrap().into_iter().for_each(|conversation| self.bell.owed(conversation));
    }

    /// A commit by the first that nobody else acknowledges.
    async fn commits(&self, who: u8, epoch: u64, all: &[u8]) -> u64 {
        let outcome = self.ward.update(who, epoch, all).await.unwrap();
        let CommitOutcome::Accepted { receipt, .. } = outcome else { panic!("{outcome:?}") };
        self.ward.ack(who, receipt.number.get()).await.unwrap();
        self.bell.moved(WARD);
        receipt.number.get()
    }

    async fn anew(&self, by: u8, epoch: u64, who: &[u8], all: &[u8]) {
        let says = Says { joins: who, leaves: who, roster: all, ..Says::default() };
        assert!(matches!(self.ward.commit(by, epoch, says).await.unwrap(), CommitOutcome::Accepted { .. }));
        self.bell.moved(WARD);
    }

    async fn stuck(&self, who: u8, number: u64) {
        self.stuck_by(b"x", who, number).await;
    }

    /// The same, by a statement of this device's own.
    async fn stuck_by(&self, statement: &'static [u8], who: u8, number: u64) {
        let now = self.ward.now();
        let number = EntryNumber::new(number);
        let write = self.ward.store.write("report", move |tx| {
            Box::pin(async move {
                let commit = tx.commit_at(WARD, number).await?;
                let said = OutOfStep {
                    conversation: WARD,
                    device: device(who),
                    user: user(who),
                    number,
                    commit_sha256: commit.map_or(Digest::of(b""), |commit| commit.message_sha256),
                    statement: Bytes::from_static(statement),
                };
                report(tx, &said, now).await
            })
        });
        let kept: Result<bool, ConversationError> = write.await;
        assert!(kept.unwrap());
        self.bell.owed(WARD);
        self.bell.said_anew(WARD, number);
    }

    /// Whether the log takes no more.
    async fn is_closed(&self) -> bool {
        matches!(self.ward.post(1, 99).await, Err(ConversationError::Closed { .. }))
    }

    /// After how many seconds from now it is closed.
    async fn closes_in(&mut self) -> u64 {
        for second in 0..20 {
            self.pass().await;
            if self.is_closed().await {
                return second;
            }
            self.ward.pass(1);
        }
        panic!("it stays open");
    }
}

const NOBODY: [u8; 0] = [];

/// Nothing is due but the look for renewals.
const IDLE: u64 = 60_000;

#[tokio::test]
async fn a_task_is_asked_at_once_of_one_member_then_of_the_next_and_then_there_is_a_rest() {
    let mut scene = Scene::with(&[1, 2, 3]).await;
    assert_eq!(scene.pass().await, IDLE, "nothing to do");
    scene.leaves(3).await;
    assert_eq!(scene.pass().await, 2_000);
    let first = scene.asked();
    assert_eq!(first.len(), 1, "{first:?}");
    scene.ward.pass(1);
    assert_eq!(scene.pass().await, 1_000);
    assert_eq!(scene.asked(), NOBODY);
    scene.ward.pass(1);
    scene.pass().await;
    let second = scene.asked();
    assert!(second.len() == 1 && second != first && !second.contains(&3), "{first:?} {second:?}");
    scene.ward.pass(2);
    assert_eq!(scene.pass().await, 2_000, "a rest");
    assert_eq!(scene.asked(), NOBODY);
    scene.ward.pass(2);
    scene.pass().await;
    assert_eq!(scene.asked(), first, "another round");
}

#[tokio::test]
async fn a_task_ends_with_the_commit_that_shows_it_done_whoever_made_it() {
    let mut scene = Scene::with(&[1, 2, 3]).await;
    scene.leaves(3).await;
    scene.pass().await;
    assert_eq!(scene.asked().len(), 1);
    let out = Says { leaves: &[3], roster: &[1, 2], ..Says::default() };
    scene.ward.commit(1, 1, out).await.unwrap();
    scene.bell.moved(WARD);
    assert_eq!(scene.pass().await, IDLE);
    scene.ward.pass(10);
    assert_eq!(scene.pass().await, IDLE - 10_000);
    assert_eq!(scene.asked(), NOBODY);
}

#[tokio::test]
async fn nobody_is_asked_until_somebody_comes_and_no_pass_is_due_meanwhile() {
    let mut scene = Scene::with(&[1, 2]).await;
    scene.goes(1);
    scene.leaves(2).await;
    assert_eq!(scene.pass().await, IDLE);
    scene.ward.pass(30);
    scene.comes(1);
    scene.pass().await;
    assert_eq!(scene.asked(), [1]);
}

#[tokio::test]
async fn a_task_outlives_the_relay() {
    let scene = Scene::with(&[1, 2]).await;
    scene.leaves(2).await;
    let Scene { ward, .. } = scene;
    let ward = ward.reopened().await;
    let mut scene = Scene {
        ward,
        live: Live::default(),
        bell: TaskBell::default(),
        board: Board::default(),
        streams: BTreeMap::new(),
    };
    scene.pass().await;
    scene.comes(1);
    scene.pass().await;
    assert_eq!(scene.asked(), [1]);
}

#[tokio::test]
async fn one_who_goes_gives_its_turn_to_the_next() {
    let mut scene = Scene::with(&[1, 2, 3]).await;
    scene.leaves(3).await;
    scene.pass().await;
    let first = scene.asked();
    scene.goes(first[0]);
    scene.ward.pass(2);
    scene.pass().await;
    assert_eq!(scene.asked().len(), 1, "the other");
}

#[tokio::test]
async fn reports_gather_for_a_moment_before_one_is_asked_for_all_of_them() {
    let mut scene = Scene::with(&[1, 2, 3]).await;
    let commit = scene.commits(1, 1, &[1, 2, 3]).await;
    scene.stuck(2, commit).await;
    let due = scene.pass().await;
    assert_eq!((due, scene.asked()), (250, NOBODY.to_vec()));
    scene.ward.pass(1);
    scene.pass().await;
    assert_eq!(scene.asked(), [1]);
}

/// Whether those who rest are asked again at once when the device says by another of its keys that it cannot follow.
async fn asked_by_another_key(guard: &'static str) -> bool {
    let mut scene = Scene::with(&[1, 2, 3, 4]).await;
    let commit = scene.commits(1, 1, &[1, 2, 3, 4]).await;
    scene.stuck(2, commit).await;
    // In vain: nobody can judge it. Rests grow with each round.
    let mut seconds = 0;
    while scene.pass().await < 25_000 {
        scene.ward.pass(1);
        seconds += 1;
        assert!(seconds < 300 && !scene.is_closed().await);
    }
    let _ = scene.asked();
    scene.ward.pass(20);
    in_place::arm(guard);
    // A signed statement with nothing but the field of its signer.
    scene.stuck_by(b"\x12\x01k", 2, commit).await;
    scene.pass().await;
    in_place::disarm(guard);
    !scene.asked().is_empty()
}

#[tokio::test]
async fn what_a_device_says_by_another_of_its_keys_is_asked_about_at_once() {
    assert!(asked_by_another_key("").await);
    assert!(!asked_by_another_key("mutant.said_anew_rests").await, "the guard taken away");
}

#[tokio::test]
async fn an_old_epoch_is_renewed_by_one_member() {
    let mut scene = Scene::with(&[1, 2]).await;
    scene.ward.post(1, 1).await.unwrap();
    scene.ward.pass(86_400);
    scene.pass().await;
    assert_eq!(scene.asked().len(), 1);
    let commit = scene.commits(2, 1, &[1, 2]).await;
    assert_eq!(commit, 3);
    scene.pass().await;
    scene.ward.pass(86_400);
    scene.pass().await;
    assert_eq!(scene.asked(), NOBODY, "no message since");
}

/// A conversation of devices 1 and 2, in which 3 is to be let in.
fn circle(number: u8) -> Circle {
    let conversation = ConversationId::from_bytes([number; 16]);
    let member = |number| Member {
        device: device(number),
        user: format!("user-{number}"),
        joined: EntryNumber::ZERO,
        acked: EntryNumber::ZERO,
        spans: membership::Spans::default(),
        committed_at: None,
    };
    let kind = TaskKind::AddDevice { device: device(3), ground: Bytes::new() };
    Circle {
        conversation,
        closed: None,
        barren: None,
        members: vec![member(1), member(2)],
        put_out: Vec::new(),
        fence: BTreeSet::new(),
        tasks: vec![Task { conversation, kind, made_at: UtcMillis::new(1_000) }],
        reports: Vec::new(),
    }
}

#[test]
fn one_device_is_asked_for_so_much_at_once_and_for_the_next_when_something_is_done() {
    let (mut board, now, ready) = (Board::default(), UtcMillis::new(2_000), BTreeSet::from([device(1)]));
    board.begin(Vec::new(), now);
    let mut asked = 0;
    for number in 0..40 {
        let circle = circle(number);
        asked += board.look(circle.conversation, Some(&circle), &ready, now).ask.len();
    }
    assert_eq!(asked, 32, "side by side");
    // One is done: those who wait are looked at.
    let done = Circle { tasks: Vec::new(), ..circle(0) };
    board.look(done.conversation, Some(&done), &ready, now);
    let waiting = board.due(now);
    assert_eq!(waiting.len(), 8);
    let next: usize = waiting
        .iter()
        .map(|one| {
            let circle = circle(one.as_bytes()[0]);
            board.look(circle.conversation, Some(&circle), &ready, now).ask.len()
        })
        .sum();
    assert_eq!(next, 1);
    // Another one has room.
    let ready = BTreeSet::from([device(1), device(2)]);
    let other = circle(39);
    let asked = board.look(other.conversation, Some(&other), &ready, now).ask;
    assert_eq!(asked.first().map(|(device, ..)| *device), Some(device(2)));
}

#[test]
fn a_device_that_has_packages_again_is_let_in_at_once() {
    let (mut board, mut now, ready) = (Board::default(), UtcMillis::new(2_000), BTreeSet::from([device(1)]));
    let circle = circle(7);
    board.begin(Vec::new(), now);
    assert_eq!(board.look(circle.conversation, Some(&circle), &ready, now).ask.len(), 1);
    now = UtcMillis::new(4_000);
    assert_eq!(board.look(circle.conversation, Some(&circle), &ready, now).ask, []);
    let packed = |number| Rung { packed: [device(number)].into(), ..Rung::default() };
    board.hear(packed(4), &Live::default());
    assert_eq!(board.due(now), [].into(), "another device's packages");
    board.hear(packed(3), &Live::default());
    assert_eq!(board.due(now), [circle.conversation].into());
    assert_eq!(board.look(circle.conversation, Some(&circle), &ready, now).ask.len(), 1);
}
