//! Claims about judging, each with its control.

use wardline_identity::{
    DateCheck, DeviceKey, DeviceName, DeviceSubject, DisplayName, IssuerAuthority, Organisation,
    OrganisationId, Role, RootAuthority, SigningKey, StatementLabel, SystemEntropy, device_id_new,
    sign_statement,
};
use wardline_proto::{
    ConversationId, UtcMillis, relay,
    relay::{KeeperRight, Leave, SignedStatement},
};

use super::*;
use crate::{
    conversation::{
        hold::Hold,
        statements_test::{approve, confirm, leave, out_of_step as cannot_follow},
    },
    mls::Leaf,
};

const NOW: UtcMillis = UtcMillis::new(1_800_000_000_000);
const WARD: ConversationId = ConversationId::from_bytes([4; 16]);

/// An organisation that certifies whoever a test needs.
struct House {
    issuer: IssuerAuthority,
    organisation: Organisation,
}

impl House {
    fn found() -> Self {
        let name = DisplayName::parse("St. Example").expect("a name");
        let id = OrganisationId::from_name("St. Example").expect("an id");
        let root = RootAuthority::found(&name, id.clone(), &SystemEntropy, NOW).expect("a root");
        let issuer = root.found_issuer(&name, &SystemEntropy, NOW).expect("an issuer");
        let wire = relay::Organisation {
            organisation_id: id.to_string(),
            name: name.to_string(),
            root_certificate: root.certificate_der().to_vec().into(),
            issuers: Some(root.sign_issuers_list(1, &[issuer.certificate_der()]).expect("a list")),
        };
        let organisation = Organisation::verify(&wire, &root.fingerprint(), NOW).expect("verifies");
        Self { issuer, organisation }
    }

    fn device(&self, user: &str, index: u32) -> (Member, SigningKey) {
        let key = SigningKey::generate(&SystemEntropy).expect("a key");
        let subject = DeviceSubject {
            organisation: self.organisation.id().clone(),
            user: UserId::parse(user).expect("a user"),
            device: device_id_new(&SystemEntropy).expect("an id"),
            display_name: DisplayName::parse(user).expect("a name"),
            device_name: DeviceName::parse("phone").expect("a name"),
            role: Role::Clinician,
        };
        let public = DeviceKey::Ed25519(key.public());
        let der = self.issuer.certify_device(&subject, &public, &SystemEntropy, NOW).expect("certified");
        let certificate = self.organisation.verify_device(&der, DateCheck::At(NOW)).expect("verifies");
        (Member { index, certificate }, key)
    }
}

fn roster(members: &[&Member]) -> Roster {
    Roster { members: members.iter().map(|one| (*one).clone()).collect(), strangers: Vec::new() }
}

fn settings(keeper: &Member) -> ConversationSettings {
    ConversationSettings {
        name: "Ward 4".to_owned(),
        retention_seconds: 86_400,
        keepers: vec![keeper.certificate.user().to_string()],
        number: 1,
        predecessor: None,
    }
}

/// A true declaration of what a commit did.
fn declare(before: &Roster, after: &Roster, ground: Option<Ground>) -> CommitData {
    let gone = before.members.iter().filter(|one| after.device(&one.certificate.device()).is_none());
    let leaves: Vec<_> = gone.map(|one| one.certificate.device().to_wire()).collect();
    let grounds = vec![RemovalGround { ground }; leaves.len()];
    CommitData { leaves, grounds, roster_sha256: after.digest().to_wire(), ..CommitData::default() }
}

fn verdict(
    author: &Member,
    before: &Roster,
    after: &Roster,
    settings: (&ConversationSettings, &ConversationSettings),
    data: &CommitData,
) -> Verdict {
    knowing(author, before, after, settings, data, &Known::default())
}

/// What the log has shown before.
#[derive(Default)]
struct Known {
    spent_leaves: Vec<Digest>,
    faults: Vec<FaultRow>,
    declared: Option<Vec<DeviceId>>,
    joined: EntryNumber,
    anew: Vec<u32>,
}

fn knowing(
    author: &Member,
    before: &Roster,
    after: &Roster,
    settings: (&ConversationSettings, &ConversationSettings),
    data: &CommitData,
    known: &Known,
) -> Verdict {
    judge(&Judged {
        author,
        before,
        after,
        removed: &removed(before, after, &known.anew),
        right: settings.0,
        settings_after: settings.1,
        settings_changed: settings.0 != settings.1,
        data: Some(data),
        conversation: WARD.as_bytes(),
        spent_leaves: &known.spent_leaves,
        faults: &known.faults,
        declared: known.declared.as_deref(),
        joined: known.joined,
    })
}

/// The leaves that are out, as MLS tells: those whose place is empty now, and those that were added anew.
fn removed(before: &Roster, after: &Roster, anew: &[u32]) -> Vec<u32> {
    let in_place = |index: &u32| {
        after.members.iter().any(|one| one.index == *index) || after.strangers.contains(index)
    };
    let gone = before.members.iter().map(|one| one.index).filter(|index| !in_place(index));
    gone.chain(anew.iter().copied()).collect()
}

fn sound() -> Verdict {
    Verdict::default()
}

#[test]
fn a_member_may_add_a_person_and_nobody_a_stranger() {
    let house = House::found();
    let ((a, _), (b, _), (c, _)) = (house.device("a", 0), house.device("b", 1), house.device("c", 2));
    let (before, mut after) = (roster(&[&a, &b]), roster(&[&a, &b, &c]));
    let set = settings(&a);
    let data = declare(&before, &after, None);
    assert_eq!(verdict(&b, &before, &after, (&set, &set), &data), sound());
    after.strangers.push(3);
    assert_eq!(verdict(&b, &before, &after, (&set, &set), &data).held, [STRANGER]);
}

#[test]
fn a_further_device_needs_its_own_persons_approval() {
    let house = House::found();
    let ((a, _), (b, b_key)) = (house.device("a", 0), house.device("b", 1));
    let ((b2, _), (c, c_key)) = (house.device("b", 2), house.device("c", 3));
    let (before, after) = (roster(&[&a, &b, &c]), roster(&[&a, &b, &c, &b2]));
    let set = settings(&a);
    let mut data = declare(&before, &after, None);
    // Nobody's approval, then somebody else's, then one for another device.
    assert_eq!(verdict(&a, &before, &after, (&set, &set), &data).held, [UNAPPROVED]);
    data.approvals = vec![approve(&c, &c_key, &b2), approve(&b, &b_key, &c)];
    assert_eq!(verdict(&a, &before, &after, (&set, &set), &data).held, [UNAPPROVED]);
    // Its own person's, carried by anybody; or its own person adds it.
    data.approvals = vec![approve(&b, &b_key, &b2)];
    assert_eq!(verdict(&a, &before, &after, (&set, &set), &data), sound());
    data.approvals.clear();
    assert_eq!(verdict(&b, &before, &after, (&set, &set), &data), sound());
}

#[test]
fn a_removal_needs_its_ground() {
    let house = House::found();
    let ((a, _), (b, _)) = (house.device("a", 0), house.device("b", 1));
    let (c, c_key) = house.device("c", 2);
    let (before, after) = (roster(&[&a, &b, &c]), roster(&[&a, &b]));
    let set = settings(&a);
    let keeper = Some(Ground::Keeper(KeeperRight {}));
    let by = |author: &Member, ground: Option<Ground>| {
        verdict(author, &before, &after, (&set, &set), &declare(&before, &after, ground))
    };
    assert_eq!(by(&a, keeper.clone()), sound());
    assert_eq!(by(&b, keeper).shown, Some(REMOVAL));
    assert_eq!(by(&b, None).shown, Some(REMOVAL));
    assert_eq!(by(&b, Some(Ground::RevocationListNumber(9))).shown, Some(REMOVAL));
    assert_eq!(by(&b, Some(Ground::Leave(leave(&c, &c_key, &WARD)))), sound());
    let elsewhere = ConversationId::from_bytes([5; 16]);
    assert_eq!(by(&b, Some(Ground::Leave(leave(&c, &c_key, &elsewhere)))).shown, Some(REMOVAL));
    let spent = leave(&c, &c_key, &WARD);
    let known = Known { spent_leaves: vec![Digest::of(&spent.body)], ..Known::default() };
    let data = declare(&before, &after, Some(Ground::Leave(spent)));
    let again = knowing(&b, &before, &after, (&set, &set), &data, &known);
    assert_eq!(again.shown, Some(REMOVAL), "a leave that was carried out is no ground again");
    let forged = sign_statement(&c_key, StatementLabel::Leave, &Leave::default(), None);
    assert_eq!(by(&b, Some(Ground::Leave(forged))).shown, Some(REMOVAL));
}

#[test]
fn settings_are_the_keepers_until_none_is_left() {
    let house = House::found();
    let ((a, _), (b, _)) = (house.device("a", 0), house.device("b", 1));
    let both = roster(&[&a, &b]);
    let set = settings(&a);
    let renamed = ConversationSettings { name: "Ward 5".to_owned(), number: 2, ..set.clone() };
    let data = declare(&both, &both, None);
    assert_eq!(verdict(&a, &both, &both, (&set, &renamed), &data), sound());
    assert_eq!(verdict(&b, &both, &both, (&set, &renamed), &data).held, [SETTINGS]);
    let alone = roster(&[&b]);
    let data = declare(&alone, &alone, None);
    assert_eq!(verdict(&b, &alone, &alone, (&set, &renamed), &data), sound());
}

#[test]
fn a_false_declaration_is_shown_and_a_switched_leaf_held() {
    let house = House::found();
    let ((a, _), (b, _), (c, _)) = (house.device("a", 0), house.device("b", 1), house.device("c", 2));
    let (before, after) = (roster(&[&a, &b]), roster(&[&a, &b, &c]));
    let set = settings(&a);
    let lie = declare(&before, &before, None);
    assert_eq!(verdict(&b, &before, &after, (&set, &set), &lie).shown, Some(DECLARATION));
    let in_b_place = Member { index: 1, ..c };
    let after = roster(&[&a, &in_b_place]);
    let data = CommitData { roster_sha256: after.digest().to_wire(), ..CommitData::default() };
    assert_eq!(verdict(&b, &before, &after, (&set, &set), &data).held, [SWITCHED]);
}

/// What is held after a commit by `author`.
fn held(
    hold: Option<Hold>,
    author: &Member,
    (before, after): (&Roster, &Roster),
    (in_force, settings): (&ConversationSettings, &ConversationSettings),
) -> Option<Hold> {
    let right = hold.as_ref().and_then(Hold::right).unwrap_or_else(|| in_force.clone());
    let verdict = judge(&Judged {
        author,
        before,
        after,
        removed: &removed(before, after, &[]),
        right: &right,
        settings_after: settings,
        settings_changed: in_force != settings,
        data: Some(&declare(before, after, None)),
        conversation: WARD.as_bytes(),
        spent_leaves: &[],
        faults: &[],
        declared: None,
        joined: EntryNumber::ZERO,
    });
    let leaf = |index: &u32| Leaf { index: *index, certificate_der: vec![1], signature_key: [0; 32] };
    let leaves: Vec<Leaf> = after.strangers.iter().map(leaf).collect();
    Hold::after(hold, &verdict, (after, &leaves), &right)
}

#[test]
fn who_made_himself_keeper_cannot_end_the_hold_and_a_keeper_can() {
    let house = House::found();
    let ((a, _), (m, _)) = (house.device("a", 0), house.device("m", 1));
    let both = roster(&[&a, &m]);
    let good = settings(&a);
    let stolen = settings(&m);
    let hold = held(None, &m, (&both, &both), (&good, &stolen));
    assert!(hold.is_some());
    // By the settings he wrote he would be a keeper; by those that were right he is not.
    let renamed = ConversationSettings { name: "mine".to_owned(), ..stolen.clone() };
    let hold = held(hold, &m, (&both, &both), (&stolen, &renamed));
    assert!(hold.is_some());
    // Somebody's unrelated commit does not make them right; the true keeper's change does, and so does putting
    // them back, whoever does it.
    assert!(held(hold.clone(), &a, (&both, &both), (&renamed, &renamed)).is_some());
    assert!(held(hold.clone(), &a, (&both, &both), (&renamed, &good)).is_none());
    assert!(held(hold, &m, (&both, &both), (&renamed, &good)).is_none());
}

#[test]
fn a_second_fault_does_not_make_the_first_forgotten() {
    let house = House::found();
    let ((a, _), (m, _)) = (house.device("a", 0), house.device("m", 1));
    let (a2, _) = house.device("a", 2);
    let set = settings(&a);
    let (before, with) = (roster(&[&a, &m]), roster(&[&a, &m, &a2]));
    let hold = held(None, &m, (&before, &with), (&set, &set));
    let mut stranger = with.clone();
    stranger.strangers.push(9);
    let hold = held(hold, &m, (&with, &stranger), (&set, &set));
    let hold = held(hold, &m, (&stranger, &with), (&set, &set));
    assert!(hold.is_some(), "the device that nobody approved is still in");
    assert!(held(hold, &a, (&with, &before), (&set, &set)).is_none());
}

#[test]
fn a_device_id_in_another_persons_certificate_is_held() {
    let house = House::found();
    let ((a, _), (m, _)) = (house.device("a", 0), house.device("m", 1));
    let set = settings(&a);
    // The same device id and leaf, another person: a rogue issuer's certificate in an update.
    let subject = DeviceSubject {
        organisation: house.organisation.id().clone(),
        user: UserId::parse("b").expect("a user"),
        device: m.certificate.device(),
        display_name: DisplayName::parse("b").expect("a name"),
        device_name: DeviceName::parse("phone").expect("a name"),
        role: Role::Clinician,
    };
    let key = DeviceKey::Ed25519(SigningKey::generate(&SystemEntropy).expect("a key").public());
    let der = house.issuer.certify_device(&subject, &key, &SystemEntropy, NOW).expect("certified");
    let certificate = house.organisation.verify_device(&der, DateCheck::At(NOW)).expect("verifies");
    let other = Member { index: 1, certificate };
    let (before, after) = (roster(&[&a, &m]), roster(&[&a, &other]));
    let hold = held(None, &m, (&before, &after), (&set, &set));
    assert!(hold.is_some());
    // The control: the same person's renewed certificate.
    let renewed = house.organisation.verify_device(
        &house
            .issuer
            .certify_device(
                &DeviceSubject { user: UserId::parse("m").expect("a user"), ..subject },
                &key,
                &SystemEntropy,
                NOW,
            )
            .expect("certified"),
        DateCheck::At(NOW),
    );
    let renewed = Member { index: 1, certificate: renewed.expect("verifies") };
    assert!(held(None, &m, (&before, &roster(&[&a, &renewed])), (&set, &set)).is_none());
}

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
            removed: &[],
            right: &set,
            settings_after: &stolen,
            settings_changed: changed,
            data: Some(&data),
            conversation: WARD.as_bytes(),
            spent_leaves: &[],
            faults: &[],
            declared: None,
            joined: EntryNumber::ZERO,
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
    let by = |known: &Known, number: u64| {
        knowing(&b, &before, &after, (&set, &set), &ground(number), known)
    };
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
        assert!(verdict.wronged.is_empty());
    }
    assert_eq!(by(&joined(6)).shown, Some(REMOVAL), "who was there knows better");
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
    let read = |hold: Option<&Hold>, known: &[Leaf]| {
        Hold::read(hold, &house.organisation, &after, known).strangers
    };
    assert_eq!(read(None, &before), [2]);
    // The hold remembers which it was.
    let roster = Hold::read(None, &house.organisation, &after, &before);
    let verdict = Verdict { held: vec![STRANGER], ..Verdict::default() };
    let hold = Hold::after(None, &verdict, (&roster, &after), &settings(&a)).expect("held");
    assert_eq!(read(Some(&Hold::parse(&hold.to_text())), &after), [2]);
    assert_eq!(read(None, &after), [5], "the control: without it the place decides");
}
