//! Claims about judging, each with its control.

use wardline_identity::{
    DateCheck, DeviceKey, DeviceName, DeviceSubject, DisplayName, IssuerAuthority, Organisation,
    OrganisationId, Role, RootAuthority, SigningKey, StatementLabel, SystemEntropy, device_id_new,
    sign_statement,
};
use wardline_proto::{
    ConversationId, Digest, UtcMillis, in_place, relay,
    relay::{KeeperRight, Leave, RemovalGround, SignedStatement, removal_ground::Ground},
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
    spent: Spent,
    faults: Vec<FaultRow>,
    declared: Option<Vec<DeviceId>>,
    joined: EntryNumber,
    anew: Vec<u32>,
    then: Option<Roster>,
    unmended: Vec<(String, Vec<String>)>,
    revocations: Option<RevocationRegister>,
}

/// The register of an organisation without a list.
fn unlisted() -> RevocationRegister {
    RevocationRegister::new(&OrganisationId::from_name("St. Example").expect("an id"))
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
        then: known.then.as_ref().unwrap_or(after),
        removed: &removed(before, after, &known.anew),
        right: settings.0,
        settings_after: settings.1,
        settings_changed: settings.0 != settings.1,
        data: Some(data),
        conversation: WARD.as_bytes(),
        spent: &known.spent,
        faults: &known.faults,
        declared: known.declared.as_deref(),
        joined: known.joined,
        unmended: &known.unmended,
        organisation: &House::found().organisation,
        revocations: known.revocations.as_ref().unwrap_or(&unlisted()),
    })
}

/// A log in which this statement was carried out.
fn carried(statement: &SignedStatement) -> Spent {
    Spent { statements: vec![Digest::of(&statement.body)], ..Spent::default() }
}

/// The leaves that are out, as MLS tells: those whose place is empty now, and those that were added anew.
fn removed(before: &Roster, after: &Roster, anew: &[u32]) -> Vec<u32> {
    let in_place =
        |index: &u32| after.members.iter().any(|one| one.index == *index) || after.strangers.contains(index);
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
fn an_approval_lets_its_device_in_once_and_only_the_device_is_at_fault() {
    let house = House::found();
    let ((a, _), (b, b_key)) = (house.device("a", 0), house.device("b", 1));
    let (b2, _) = house.device("b", 2);
    let (before, after) = (roster(&[&a, &b]), roster(&[&a, &b, &b2]));
    let set = settings(&a);
    let approval = approve(&b, &b_key, &b2);
    let mut data = declare(&before, &after, None);
    data.approvals = vec![approval.clone()];
    let by = |spent: Spent, data: &CommitData| {
        knowing(&a, &before, &after, (&set, &set), data, &Known { spent, ..Known::default() })
    };
    assert_eq!(by(Spent::default(), &data), sound(), "the control: the first time");
    let again = by(carried(&approval), &data);
    assert_eq!((again.held.as_slice(), again.proven.as_slice()), ([REUSED].as_slice(), [REUSED].as_slice()));
    assert_eq!(again.devices, [b2.key()]);
    assert_eq!(again.instead.map(|(device, ..)| device), Some(b2.certificate.device()));
    // Nobody's approval is the author's own fault.
    data.approvals.clear();
    let unapproved = by(carried(&approval), &data);
    assert_eq!((unapproved.held.as_slice(), unapproved.instead), ([UNAPPROVED].as_slice(), None));
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
    assert_eq!(by(&b, Some(Ground::RevocationListNumber(9))).held, [UNLISTED], "until the list is here");
    assert_eq!(by(&b, Some(Ground::Leave(leave(&c, &c_key, &WARD)))), sound());
    let elsewhere = ConversationId::from_bytes([5; 16]);
    assert_eq!(by(&b, Some(Ground::Leave(leave(&c, &c_key, &elsewhere)))).shown, Some(REMOVAL));
    let spent = leave(&c, &c_key, &WARD);
    let known = Known { spent: carried(&spent), ..Known::default() };
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
        then: after,
        removed: &removed(before, after, &[]),
        right: &right,
        settings_after: settings,
        settings_changed: in_force != settings,
        data: Some(&declare(before, after, None)),
        conversation: WARD.as_bytes(),
        spent: &Spent::default(),
        faults: &[],
        declared: None,
        joined: EntryNumber::ZERO,
        unmended: &[],
        organisation: &House::found().organisation,
        revocations: &unlisted(),
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

#[path = "judge_faults_test.rs"]
mod faults;
