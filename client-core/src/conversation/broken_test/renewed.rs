//! Claims about the time between a device's renewal and the day when its leaf has followed: what its two certificates are taken for,
//! and by which of its keys it is heard. Each attack has its control: the guard taken away.

use wardline_identity::DeviceCertificate;
use wardline_proto::{in_place, relay::SignedStatement};

use super::{
    house::House,
    scene::{commit, lets_back, without_commits},
    ward::{Log, NOW, Phone},
};
use crate::{
    conversation::{
        Change, Completed, Plan, approval_statement, complete, confirmation_statement, encode, missing, plan,
        replacement::Waiting,
    },
    mls::VerifiedKeyPackage,
    vault::tables::{conversations::Standing, faults, intents::Wish},
};

/// What `by` says of a new device that was invited in place of another.
fn confirmed(by: &Phone, house: &House, new: &Phone, lost: &Phone) -> SignedStatement {
    let replaces = lost.core.device.id();
    let waiting = Waiting {
        certificate: new.core.device.certificate.clone(),
        replaces,
        record: house.invites("nurse-b", Some(replaces)),
        invited_by: String::new(),
        enrolled: NOW,
        conversations: Vec::new(),
    };
    confirmation_statement(&by.core.device.newest(), &waiting, NOW)
}

/// By whose word a second device of somebody comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Its person's.
    Approval,
    /// Another member's.
    Confirmation,
}

/// What a member makes of a wish whose device the directory has under this certificate.
async fn granted(
    by: &mut Phone,
    log: &Log,
    wish: &Wish,
    (certificate, package): (&DeviceCertificate, (VerifiedKeyPackage, DeviceCertificate)),
) -> Option<Change> {
    let conversation = &log.conversation;
    if !matches!(plan(&mut by.core, conversation, wish).await.unwrap(), Plan::People(_)) {
        return None;
    }
    let wanted = missing(&mut by.core, conversation, wish, vec![certificate.clone()]).await.unwrap();
    assert_eq!(wanted.len(), 1, "it is the one that the statement names");
    match complete(&mut by.core, conversation, wish, vec![package]).await.unwrap() {
        Completed::Commit(change) => Some(*change),
        Completed::Unready | Completed::Nothing => None,
    }
}

/// The wish that somebody's word comes to: a second device of nurse-b's is to be in.
fn let_in(word: Word, house: &House, (b, c, b2): (&Phone, &Phone, &Phone)) -> Wish {
    let (user, device) = ("nurse-b".to_owned(), b2.core.device.id().to_string());
    match word {
        Word::Approval => {
            let said = approval_statement(&b.core.device.newest(), &b2.core.device.certificate, NOW);
            Wish::AddDevice { user, device, approval: encode(&said) }
        }
        Word::Confirmation => {
            let replaces = b.core.device.id().to_string();
            let confirmation = encode(&confirmed(c, house, b2, b));
            Wish::LetBack { user, device, replaces, confirmation }
        }
    }
}

/// A device was renewed, and its newest certificate is what somebody lets in; the relay hands out a package of it, or of the one
/// before. Whether a member made a commit of it, and what another who judges that holds her for.
async fn let_in_by(guard: &'static str, word: Word, of_before: bool) -> Option<(bool, usize)> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut b2) = (house.phone("doctor-c").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let before = b2.package().await;
    house.renews(&mut b2).await;
    let newest = b2.package().await;
    let wish = let_in(word, &house, (&b, &c, &b2));
    let package = if of_before { before } else { newest };
    in_place::arm(guard);
    let change = granted(&mut a, &log, &wish, (&b2.core.device.certificate, package)).await;
    in_place::disarm(guard);
    commit(&mut log, &mut a, change?, &mut [&mut c]).await;
    let mut tx = c.core.vault.begin("faults").await.unwrap();
    let proven = faults::list(&mut tx, &log.conversation).await.unwrap();
    tx.commit().await.unwrap();
    let against_a = proven.iter().filter(|one| one.proven && one.device == a.core.device.id()).count();
    Some((c.row(&log.conversation).await.held.is_some(), against_a))
}

#[tokio::test]
async fn who_is_let_in_by_their_newest_certificate_comes_in_by_no_package_of_the_one_before() {
    for word in [Word::Approval, Word::Confirmation] {
        assert_eq!(let_in_by("", word, false).await, Some((false, 0)), "the control, {word:?}");
        assert_eq!(let_in_by("", word, true).await, None, "it waits for a package of that one, {word:?}");
        let without = let_in_by("mutant.agreed_by_device", word, true).await;
        assert_eq!(without, Some((true, 1)), "the guard taken away: an honest member is at fault, {word:?}");
    }
}

/// A device lets another in, and its own leaf follows before that is done. Whether it comes to a commit, and whether the others
/// hold that.
async fn said_before(guard: &'static str, word: Word, anothers: bool) -> Option<bool> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, b2) = (house.phone("doctor-c").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let wish = let_in(word, &house, (&b, &c, &b2));
    let follows = if word == Word::Approval { &mut b } else { &mut c };
    house.renews(follows).await;
    let pending = follows.stages(&log.conversation, Change::default()).await;
    log.commit(follows, pending);
    for phone in [&mut a, &mut b, &mut c] {
        log.deliver(phone).await;
    }
    let by = match (word, anothers) {
        (_, true) => &mut a,
        (Word::Approval, false) => &mut b,
        (Word::Confirmation, false) => &mut c,
    };
    in_place::arm(guard);
    let change = granted(by, &log, &wish, (&b2.core.device.certificate, b2.package().await)).await;
    in_place::disarm(guard);
    let pending = by.stages(&log.conversation, change?).await;
    log.commit(by, pending);
    let mut held = false;
    for phone in [&mut a, &mut b, &mut c] {
        log.deliver(phone).await;
        if phone.row(&log.conversation).await.standing == Standing::Active {
            held |= phone.row(&log.conversation).await.held.is_some();
        }
    }
    Some(held)
}

#[tokio::test]
async fn what_a_device_let_in_it_carries_out_when_its_leaf_has_followed() {
    for word in [Word::Approval, Word::Confirmation] {
        assert_eq!(said_before("", word, false).await, Some(false), "{word:?}");
        assert_eq!(
            said_before("mutant.said_once", word, false).await,
            None,
            "the guard taken away, {word:?}"
        );
        assert_eq!(said_before("", word, true).await, None, "nobody else says it in its place, {word:?}");
    }
}

#[tokio::test]
async fn a_device_speaks_by_its_leaf_where_the_group_was_not_read_yet() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    let before = b.core.device.certificate.fingerprint();
    house.renews(&mut b).await;
    for (guard, expected) in [("mutant.voice_unread", false), ("", true)] {
        b.core.forget(&log.conversation);
        in_place::arm(guard);
        let voice = b.core.voice_there(&log.conversation).await.unwrap();
        in_place::disarm(guard);
        assert_eq!(voice.certificate.fingerprint() == before, expected, "{guard}");
    }
}

/// A device that could not follow was renewed and is let in anew, by its newest package, and the Welcome is lost. Whether it is heard
/// then, and is in.
async fn asks_again(guard: &'static str) -> bool {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("doctor-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    commit(&mut log, &mut a, Change::default(), &mut [&mut c]).await;
    log.deliver_altered(&mut b, without_commits).await;
    house.renews(&mut b).await;
    in_place::arm(guard);
    lets_back(&mut log, &mut a, &b, &mut [&mut c]).await.expect("it is heard by its leaf");
    log.deliver(&mut b).await;
    in_place::disarm(guard);
    assert_eq!(b.row(&log.conversation).await.standing, Standing::OutOfStep);
    let Some(welcome) = lets_back(&mut log, &mut a, &b, &mut [&mut c]).await else { return false };
    assert!(log.welcome(&mut b, &welcome).await);
    log.talk(&mut b, "in again", &mut [&mut a, &mut c]).await;
    c.texts(&log.conversation).await == ["in again"]
}

#[tokio::test]
async fn who_is_let_in_anew_asks_by_the_key_of_their_packages() {
    assert!(asks_again("").await);
    assert!(!asks_again("mutant.asks_by_old_leaf").await, "the guard taken away");
}
