//! Claims about proven faults, and the grounds that statements are, each with its control.

use super::*;
use crate::vault::tables::stays::Stay;

/// A fault that an entry has proven.
fn fault(number: u64, author: &Member, brought: &[&Member]) -> FaultRow {
    FaultRow {
        number: EntryNumber::new(number),
        device: author.certificate.device(),
        user: author.certificate.user().to_string(),
        name: author.certificate.display_name().to_string(),
        why: UNAPPROVED.to_owned(),
        devices: brought.iter().map(|one| one.key()).collect(),
        proven: true,
        settled: false,
    }
}

#[test]
fn what_holds_proves_its_authors_fault_and_nobody_elses() {
    let house = House::found();
    let ((a, _), (m, _)) = (house.device("a", 0), house.device("m", 1));
    let set = settings(&a);
    let before = roster(&[&a, &m]);
    let mut with = before.clone();
    with.strangers.push(9);
    let data = declare(&before, &before, None);
    let brought = verdict(&m, &before, &with, (&set, &set), &data);
    assert_eq!((brought.held, brought.proven), (vec![STRANGER], vec![STRANGER]));
    // Who commits while it is in did not bring it in.
    let later = verdict(&a, &with, &with, (&set, &set), &data);
    assert_eq!((later.held, later.proven), (vec![STRANGER], vec![]));
    // Nor who let it in before they had heard that it is one.
    let known = Known { then: Some(before.clone()), ..Known::default() };
    let unheard = knowing(&m, &before, &with, (&set, &set), &data, &known);
    assert_eq!((unheard.held, unheard.proven), (vec![STRANGER], vec![]));
    // Another one in its place is a fault again.
    let known = Known { anew: vec![9], ..Known::default() };
    assert_eq!(knowing(&a, &with, &with, (&set, &set), &data, &known).proven, [STRANGER]);
    // Settings that somebody else has spoiled before are not this author's.
    let stolen = settings(&m);
    let judged = |author: &Member, changed: bool| {
        judge(&Judged {
            author,
            before: &before,
            after: &before,
            then: &before,
            removed: &[],
            right: &set,
            settings_after: &stolen,
            settings_changed: changed,
            data: Some(&data),
            conversation: WARD.as_bytes(),
            spent: &Spent::default(),
            faults: &[],
            declared: None,
            joined: EntryNumber::ZERO,
            unmended: &[],
            organisation: &House::found().organisation,
            revocations: &unlisted(),
        })
    };
    assert_eq!(judged(&m, true).proven, [SETTINGS]);
    assert_eq!((judged(&a, false).held, judged(&a, false).proven), (vec![SETTINGS], vec![]));
}

#[test]
fn a_leaf_in_another_persons_certificate_is_a_fault_and_no_removal() {
    let house = House::found();
    let ((a, _), (m, _)) = (house.device("a", 0), house.device("m", 1));
    let set = settings(&a);
    let before = roster(&[&a, &m]);
    // The committer's own leaf with a certificate whose key it does not hold: nobody's.
    let after = Roster { members: vec![a.clone()], strangers: vec![1] };
    let data = declare(&before, &before, None);
    let foreign = verdict(&m, &before, &after, (&set, &set), &data);
    assert_eq!((foreign.held, foreign.proven), (vec![STRANGER], vec![STRANGER]));
    assert!(foreign.wronged.is_empty(), "nobody took it out: {:?}", foreign.wronged);
}

#[test]
fn a_proven_fault_is_a_ground_against_its_author_and_whom_it_brought() {
    let house = House::found();
    let ((a, _), (b, _), (m, _)) = (house.device("a", 0), house.device("b", 1), house.device("m", 2));
    let (b2, _) = house.device("b", 3);
    let set = settings(&a);
    let before = roster(&[&a, &b, &m, &b2]);
    let after = roster(&[&a, &b]);
    let ground = |number: u64| declare(&before, &after, Some(Ground::FaultEntryNumber(number)));
    let known = Known { faults: vec![fault(7, &m, &[&b2])], ..Known::default() };
    let by = |known: &Known, number: u64| knowing(&b, &before, &after, (&set, &set), &ground(number), known);
    assert_eq!(by(&known, 7), sound());
    // Another number, a fault that was put right, one that proves nothing, and nobody else's.
    assert_eq!(by(&known, 8).shown, Some(REMOVAL));
    assert_eq!(by(&Known::default(), 7).shown, Some(REMOVAL));
    let unproven = FaultRow { proven: false, ..fault(7, &m, &[&b2]) };
    let unproven = Known { faults: vec![unproven], ..Known::default() };
    assert_eq!(by(&unproven, 7).shown, Some(REMOVAL));
    let others = Known { faults: vec![fault(7, &a, &[&b2])], ..Known::default() };
    let verdict = by(&others, 7);
    assert_eq!(verdict.shown, Some(REMOVAL));
    assert_eq!(verdict.wronged, [(m.certificate.device(), m.certificate.user().clone())]);
}

#[test]
fn who_came_after_a_fault_takes_it_as_shown() {
    let house = House::found();
    let ((a, _), (b, _), (m, _)) = (house.device("a", 0), house.device("b", 1), house.device("m", 2));
    let set = settings(&a);
    let (before, after) = (roster(&[&a, &b, &m]), roster(&[&a, &b]));
    let data = declare(&before, &after, Some(Ground::FaultEntryNumber(7)));
    let joined = |number: u64| Known { joined: EntryNumber::new(number), ..Known::default() };
    let by = |known: &Known| knowing(&b, &before, &after, (&set, &set), &data, known);
    for later in [7, 8] {
        let verdict = by(&joined(later));
        assert_eq!((verdict.shown, verdict.held.len()), (Some(EARLIER), 0));
        assert_eq!(verdict.wronged, [(m.certificate.device(), m.certificate.user().clone())], "and mends it");
    }
    assert_eq!(by(&joined(6)).shown, Some(REMOVAL), "who was there knows better");
    // Whom this device holds to be at fault goes by any entry of before: others may know the fault by another.
    let at_fault = Known { faults: vec![fault(9, &m, &[])], ..joined(9) };
    assert_eq!(by(&at_fault), sound(), "the control");
    in_place::arm("mutant.judge_earlier");
    assert!(by(&joined(7)).wronged.is_empty(), "without the guard it stays out");
    in_place::disarm("mutant.judge_earlier");
}

#[test]
fn what_was_before_a_member_came_is_no_fault_of_its() {
    let house = House::found();
    let ((a, _), (b, _), (m, _)) = (house.device("a", 0), house.device("b", 1), house.device("m", 2));
    let set = settings(&a);
    let (before, after) = (roster(&[&a, &b, &m]), roster(&[&a, &b]));
    let data = declare(&before, &after, Some(Ground::FaultEntryNumber(7)));
    let came = |number: u64, faults: Vec<FaultRow>| {
        let came = EntryNumber::new(number);
        let stays = [(m.certificate.device(), Stay { came, joined: came })].into();
        // This device came later still: by itself it could not tell.
        let spent = Spent { stays, ..Spent::default() };
        let known = Known { spent, faults, joined: EntryNumber::new(7), ..Known::default() };
        knowing(&b, &before, &after, (&set, &set), &data, &known).shown
    };
    assert_eq!(came(8, vec![fault(7, &m, &[])]), Some(REMOVAL));
    assert_eq!(came(8, Vec::new()), Some(REMOVAL));
    assert_eq!(came(7, vec![fault(7, &a, &[&m])]), None, "the control: who came by the fault itself");
    assert_eq!(came(6, Vec::new()), Some(EARLIER));
}

#[test]
fn a_device_out_of_step_is_taken_out_and_in_by_its_own_report() {
    let house = House::found();
    let ((a, _), (b, b_key)) = (house.device("a", 0), house.device("b", 1));
    let (c, c_key) = house.device("c", 2);
    let set = settings(&a);
    let both = roster(&[&a, &b, &c]);
    let anew = Known { anew: vec![1], ..Known::default() };
    let declared = |ground: Ground| CommitData {
        joins: vec![b.certificate.device().to_wire()],
        leaves: vec![b.certificate.device().to_wire()],
        grounds: vec![RemovalGround { ground: Some(ground) }],
        roster_sha256: both.digest().to_wire(),
        ..CommitData::default()
    };
    let by = |ground: Ground| knowing(&c, &both, &both, (&set, &set), &declared(ground), &anew).shown;
    assert_eq!(by(Ground::OutOfStep(cannot_follow(&b, &b_key, &WARD))), None);
    assert_eq!(by(Ground::OutOfStep(cannot_follow(&c, &c_key, &WARD))), Some(ANEW), "another's report");
    let elsewhere = ConversationId::from_bytes([5; 16]);
    assert_eq!(by(Ground::OutOfStep(cannot_follow(&b, &b_key, &elsewhere))), Some(ANEW));
    // Out and not in again is a removal, whatever it reported.
    let out = roster(&[&a, &c]);
    let data = declare(&both, &out, Some(Ground::OutOfStep(cannot_follow(&b, &b_key, &WARD))));
    assert_eq!(verdict(&c, &both, &out, (&set, &set), &data).shown, Some(REMOVAL));
}

#[test]
fn a_replaced_only_device_comes_back_by_another_persons_confirmation() {
    let house = House::found();
    let ((a, a_key), (b, b_key)) = (house.device("a", 0), house.device("b", 1));
    let ((new, _), (c, _)) = (house.device("b", 2), house.device("c", 3));
    let set = settings(&a);
    let (before, after) = (roster(&[&a, &b, &c]), roster(&[&a, &c, &new]));
    let by = |before: &Roster, after: &Roster, statement: SignedStatement| {
        let mut data = declare(before, after, Some(Ground::Replaced(statement.clone())));
        data.confirmations = vec![statement];
        verdict(&c, before, after, (&set, &set), &data)
    };
    assert_eq!(by(&before, &after, confirm(&a, &a_key, &new, &b)), sound());
    // By the person themselves, for another device, of another replaced one: nobody let it in.
    for other in [confirm(&b, &b_key, &new, &b), confirm(&a, &a_key, &c, &b), confirm(&a, &a_key, &new, &c)] {
        let verdict = by(&before, &after, other);
        assert_eq!((verdict.held.as_slice(), verdict.shown), ([UNAPPROVED].as_slice(), Some(REMOVAL)));
    }
    // The replaced one must go with it.
    let beside = roster(&[&a, &b, &c, &new]);
    assert_eq!(by(&before, &beside, confirm(&a, &a_key, &new, &b)).held, [UNAPPROVED]);
    // A person who has another device in approves there.
    let (b2, _) = house.device("b", 4);
    let (before, after) = (roster(&[&a, &b, &c, &b2]), roster(&[&a, &c, &b2, &new]));
    assert_eq!(by(&before, &after, confirm(&a, &a_key, &new, &b)).held, [UNAPPROVED]);
}

#[test]
fn whom_the_relay_does_not_have_is_taken_out_and_in_without_being_declared_to_leave() {
    let house = House::found();
    let ((a, _), (b, _), (m, _)) = (house.device("a", 0), house.device("b", 1), house.device("m", 2));
    let set = settings(&a);
    let all = roster(&[&a, &b, &m]);
    let data = CommitData {
        joins: vec![b.certificate.device().to_wire()],
        roster_sha256: all.digest().to_wire(),
        ..CommitData::default()
    };
    let anew = |declared: Option<Vec<DeviceId>>| Known { anew: vec![1], declared, ..Known::default() };
    let without = vec![a.certificate.device(), m.certificate.device()];
    let by = |known: &Known| knowing(&a, &all, &all, (&set, &set), &data, known).shown;
    assert_eq!(by(&anew(Some(without))), None);
    assert_eq!(by(&anew(None)), Some(ANEW));
}

#[test]
fn for_who_was_thrown_out_only_the_devices_that_were_come_back() {
    let house = House::found();
    let ((a, _), (m, _), (b, b_key)) = (house.device("a", 0), house.device("m", 1), house.device("b", 2));
    let (b2, b2_key) = house.device("b", 3);
    let set = settings(&a);
    let before = roster(&[&a, &m]);
    let unmended = vec![("b".to_owned(), vec![b.certificate.device().to_string()])];
    let known = Known { unmended, ..Known::default() };
    let by = |author: &Member, after: &Roster, known: &Known| {
        knowing(author, &before, after, (&set, &set), &declare(&before, after, None), known)
    };
    // Whoever brings the other one in may not know better; the one that came in goes.
    let other = by(&m, &roster(&[&a, &m, &b2]), &known);
    assert_eq!((other.held, other.proven, other.devices), (vec![IN_PLACE], vec![], vec![b2.key()]));
    assert_eq!(by(&m, &roster(&[&a, &m, &b]), &known), sound(), "the one that was thrown out");
    assert_eq!(by(&m, &roster(&[&a, &m, &b2]), &Known::default()), sound(), "the control");
    // Beside the wrong one the right one comes in by anybody, and nothing else does.
    let (before, after) = (roster(&[&a, &m, &b2]), roster(&[&a, &m, &b2, &b]));
    let data = declare(&before, &after, None);
    assert_eq!(knowing(&a, &before, &after, (&set, &set), &data, &known), sound());
    assert_eq!(verdict(&a, &before, &after, (&set, &set), &data).held, [UNAPPROVED]);
    // Approved by one of theirs it is theirs.
    let (before, after) = (roster(&[&a, &m, &b]), roster(&[&a, &m, &b, &b2]));
    let data = CommitData { approvals: vec![approve(&b, &b_key, &b2)], ..declare(&before, &after, None) };
    assert_eq!(knowing(&m, &before, &after, (&set, &set), &data, &known), sound());
    drop(b2_key);
}

#[test]
fn of_two_leaves_of_one_device_the_new_one_is_the_stranger() {
    let house = House::found();
    let ((a, a_key), (b, b_key)) = (house.device("a", 0), house.device("b", 5));
    let leaf = |member: &Member, key: &SigningKey, index: u32| Leaf {
        index,
        certificate_der: member.certificate.der().to_vec(),
        signature_key: *key.public().as_bytes(),
    };
    let before = [leaf(&a, &a_key, 0), leaf(&b, &b_key, 5)];
    let after = [leaf(&a, &a_key, 0), leaf(&b, &b_key, 2), leaf(&b, &b_key, 5)];
    let read =
        |hold: Option<&Hold>, known: &[Leaf]| Hold::read(hold, &house.organisation, &after, known).strangers;
    assert_eq!(read(None, &before), [2]);
    // The hold remembers which it was.
    let roster = Hold::read(None, &house.organisation, &after, &before);
    let verdict = Verdict { held: vec![STRANGER], ..Verdict::default() };
    let hold = Hold::after(None, &verdict, (&roster, &after), &settings(&a)).expect("held");
    assert_eq!(read(Some(&Hold::parse(&hold.to_text())), &after), [2]);
    assert_eq!(read(None, &after), [5], "the control: without it the place decides");
}
