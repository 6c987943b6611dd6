//! Another implementation of MLS takes part in a conversation of Wardline's own clients, through a real relay and by
//! the protos alone. Each check has its control beside it.

mod ward;

use std::time::Duration;

use tokio::time::timeout;
use tonic::Code;
use ward::{PATIENCE, ward};
use wardline_foreign_mls::{Candidate, Event, Member, Package, Problem};

/// How long nothing must come to be sure that nothing comes.
const QUIET: Duration = Duration::from_secs(3);

async fn next(member: &mut Member) -> Event {
    timeout(PATIENCE, member.next()).await.expect("in time").expect("an event")
}

/// The next event that is not one's own or about the stream itself.
async fn heard(member: &mut Member) -> Event {
    loop {
        match next(member).await {
            Event::CaughtUp | Event::Own(_) => {}
            event => return event,
        }
    }
}

fn texts(event: &Event) -> &str {
    match event {
        Event::Text { text, .. } => text,
        other => panic!("a text was expected: {other:?}"),
    }
}

fn refused(outcome: Result<impl Sized, Problem>) -> (Code, String) {
    match outcome {
        Err(Problem::Refused(status)) => {
            let reason = Problem::Refused(status.clone()).reason().expect("a reason in the details");
            (status.code(), reason)
        }
        Err(other) => panic!("a refusal was expected: {other}"),
        Ok(_) => panic!("a refusal was expected"),
    }
}

#[tokio::test]
async fn a_claim_is_good_on_its_own_connection_only() {
    let candidate = Candidate::begin(&ward().invite("claimant")).await.expect("an invitation");
    let elsewhere = Candidate::begin(&ward().invite("elsewhere")).await.expect("another connection");
    assert_ne!(candidate.exporter(), elsewhere.exporter());
    let outcome = candidate.ask(elsewhere.exporter()).await;
    assert_eq!(refused(outcome), (Code::InvalidArgument, "STATEMENT_INVALID".to_owned()));
    let device = candidate.enrol().await.expect("the control: the same claim over its own exporter");
    assert!(device.connect().await.is_ok());
}

#[tokio::test]
async fn packages_are_taken_with_our_settings_extension_and_without_dates_only() {
    let member = ward().foreigner("packer").await;
    for like in [Package::WithoutSettings, Package::Bounded] {
        let outcome = member.publish(1, like).await;
        let expected = (Code::InvalidArgument, "KEY_PACKAGE_INVALID".to_owned());
        assert_eq!(refused(outcome), expected, "{like:?}");
    }
    member.publish(2, Package::Good).await.expect("the control");
}

/// The whole of it: added, reads, is read, follows, commits, is removed.
#[tokio::test]
async fn another_make_takes_part_in_a_conversation() {
    let ward = ward();
    ["doctor-a", "nurse-b"].into_iter().for_each(|user| ward.person(user));
    let mut pager = ward.foreigner("pager-c").await;
    pager.publish(5, Package::Good).await.expect("packages are taken");

    // 1. The command line adds it; it joins, and the log that it counts is the Welcome's.
    let with = ["--with", "nurse-b", "--with", "pager-c"];
    let create = [&["conversation", "create", "Ward 4"][..], &with, &["--suite", "0x0001"]].concat();
    let created = ward.cli("doctor-a", &create);
    let text = created[0]["conversation"].as_str().expect("an id").to_owned();
    let mut id = [0; 16];
    data_encoding::HEXLOWER.decode_mut(text.as_bytes(), &mut id).expect("hex");
    pager.subscribe().await.expect("a stream");
    assert_eq!(heard(&mut pager).await, Event::Joined(id, "Ward 4".to_owned()));

    // 2. It reads.
    ward.cli("doctor-a", &["send", &text, "bed 7 is free"]);
    assert_eq!(texts(&heard(&mut pager).await), "bed 7 is free");

    // 3. It is read.
    pager.send(&id, "pager: seen").await.expect("the relay takes it");
    for user in ["doctor-a", "nurse-b"] {
        assert_eq!(ward.reads(user, &text), ["bed 7 is free", "pager: seen"], "{user}");
    }

    // 4. It follows a commit, and opens what comes in the new epoch; who did not follow cannot, and with one bit
    // changed nobody can.
    let mut behind = pager.left_behind(&id).expect("a copy");
    ward.cli("doctor-a", &["conversation", "rename", &text, "Ward 5"]);
    let changed = heard(&mut pager).await;
    assert!(matches!(&changed, Event::Changed { name, .. } if name == "Ward 5"), "{changed:?}");
    let [mut one, mut other] = [(); 2].map(|()| pager.left_behind(&id).expect("a copy"));
    ward.cli("nurse-b", &["send", &text, "moved to ward 5"]);
    let heard_text = heard(&mut pager).await;
    let Event::Text { text: said, bytes, .. } = heard_text else { panic!("{heard_text:?}") };
    assert_eq!(said, "moved to ward 5");
    assert!(!behind.opens(&bytes), "the epoch before does not open it");
    let mut changed = bytes.clone();
    *changed.last_mut().expect("bytes") ^= 1;
    assert!(!one.opens(&changed), "one bit is changed");
    assert!(other.opens(&bytes), "the control");

    // 5. A person comes in: the roster that the commit declares is the one in its tree.
    ward.person("doctor-d");
    ward.cli("doctor-a", &["conversation", "add", &text, "doctor-d"]);
    let added = heard(&mut pager).await;
    assert!(matches!(added, Event::Changed { .. }), "{added:?}");

    // 6. It commits, and Wardline's clients follow it.
    let committed = pager.renew(&id).await.expect("the relay takes it");
    assert_eq!(next_own(&mut pager).await, committed.number);
    pager.send(&id, "pager: renewed").await.expect("the relay takes it");
    for user in ["doctor-a", "nurse-b", "doctor-d"] {
        let read = ward.reads(user, &text);
        assert_eq!(read.last().map(String::as_str), Some("pager: renewed"), "{user}");
    }

    // 7. It is removed: nothing comes, nothing is taken, and others go on.
    ward.cli("doctor-a", &["conversation", "remove", &text, "pager-c"]);
    let removed = heard(&mut pager).await;
    assert!(matches!(removed, Event::Removed(_)), "{removed:?}");
    let ended = heard(&mut pager).await;
    assert!(matches!(ended, Event::Ended(_)), "{ended:?}");
    ward.cli("doctor-a", &["send", &text, "not for the pager"]);
    assert_eq!(
        ward.reads("nurse-b", &text).last().map(String::as_str),
        Some("not for the pager"),
        "the control"
    );
    assert!(timeout(QUIET, pager.next()).await.is_err(), "nothing comes on the open stream");
    pager.subscribe().await.expect("a stream");
    assert_eq!(next(&mut pager).await, Event::CaughtUp, "nor on a new one");
    assert!(timeout(QUIET, pager.next()).await.is_err());
    let outcome = pager.send(&id, "still here?").await;
    assert_eq!(refused(outcome), (Code::PermissionDenied, "NOT_A_MEMBER".to_owned()));
}

async fn next_own(member: &mut Member) -> u64 {
    loop {
        if let Event::Own(number) = next(member).await {
            return number;
        }
    }
}
