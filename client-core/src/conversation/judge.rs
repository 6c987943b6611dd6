//! Merge, then judge (design 4.3): what a commit that was merged did to the conversation.
//!
//! A commit that MLS can process is always merged, so that all members stay in one epoch. Then the newest roster
//! is judged, by the commit, the settings before it and the statements carried in it alone, so that all honest
//! members come to the same verdict. A *held* conversation gets nothing encrypted until it is right again; all
//! else is shown with its author.

use prost::Message as _;
use wardline_identity::{StatementLabel, UserId};
use wardline_proto::{
    DeviceId, Digest,
    content::ConversationSettings,
    relay::{CommitData, DeviceApproval, Leave, RemovalGround, SignedStatement, removal_ground::Ground},
};

use super::roster::{Member, Roster};

/// What a commit did, as far as judging needs it.
pub(crate) struct Judged<'a> {
    /// Who made it, in the roster before.
    pub author: &'a Member,
    /// The roster before.
    pub before: &'a Roster,
    /// The roster after.
    pub after: &'a Roster,
    /// The settings that were right before it: rights are judged by them.
    pub right: &'a ConversationSettings,
    /// The settings after.
    pub settings_after: &'a ConversationSettings,
    /// Whether it changed the settings.
    pub settings_changed: bool,
    /// Its authenticated data; `None` if it does not decode.
    pub data: Option<&'a CommitData>,
    /// The conversation's id, for the statements.
    pub conversation: &'a [u8],
    /// Digests of leaves that were carried out before: none is a ground again.
    pub spent_leaves: &'a [Digest],
}

/// A verdict. Sound if there is nothing in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Verdict {
    /// Why nothing is encrypted to the conversation until it is right again; all causes.
    pub held: Vec<&'static str>,
    /// The members who are in without a right to be.
    pub devices: Vec<String>,
    /// What is shown with its author while sending goes on.
    pub shown: Option<&'static str>,
}

/// A leaf that is nobody's.
pub(crate) const STRANGER: &str = "a device in it is not one of your organisation";
/// A device that nobody approved.
pub(crate) const UNAPPROVED: &str = "a device was added that its owner did not approve";
/// Settings beyond rights.
pub(crate) const SETTINGS: &str = "its settings were changed by someone who may not";
/// A removal beyond rights.
pub(crate) const REMOVAL: &str = "removed someone without the right to";
/// A false declaration to the relay.
pub(crate) const DECLARATION: &str = "declared other members to the relay than it made";
/// A leaf that changed its person.
pub(crate) const SWITCHED: &str = "a device in it changed into another";

/// Judges a commit.
pub(crate) fn judge(commit: &Judged<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    // 1. Nobody's leaves, and leaves that turned into another device or person.
    if !commit.after.strangers.is_empty() {
        verdict.held.push(STRANGER);
    }
    let switched: Vec<&Member> =
        commit.after.members.iter().filter(|after| switched(commit.before, after, commit.data)).collect();
    if !switched.is_empty() {
        verdict.held.push(SWITCHED);
    }
    // 2. Devices of people who are in already need an approval by one of their own devices.
    let unapproved: Vec<&Member> = added(commit).filter(|member| !may_join(commit, member)).collect();
    if !unapproved.is_empty() {
        verdict.held.push(UNAPPROVED);
    }
    verdict.devices = switched.into_iter().chain(unapproved).map(Member::key).collect();
    // 3. Settings are the keepers'.
    let by = commit.settings_changed.then(|| commit.author.certificate.user());
    if settings_at_fault(commit.before, commit.right, commit.settings_after, by) {
        verdict.held.push(SETTINGS);
    }
    // 4. Removals and the declaration are mended later, not held.
    if removed(commit).any(|member| !may_remove(commit, member)) {
        verdict.shown = Some(REMOVAL);
    } else if !declared(commit) {
        verdict.shown = Some(DECLARATION);
    }
    verdict
}

/// Whether the settings in force are other than the right ones, and nobody with the right to has set them now.
pub(crate) fn settings_at_fault(
    before: &Roster,
    right: &ConversationSettings,
    after: &ConversationSettings,
    changed_by: Option<&UserId>,
) -> bool {
    right != after && !changed_by.is_some_and(|user| keeps(before, right, user))
}

/// Whether a leaf that stayed in its place now belongs to another device or person, without having been replaced.
fn switched(before: &Roster, after: &Member, data: Option<&CommitData>) -> bool {
    let Some(old) = before.members.iter().find(|member| member.index == after.index) else { return false };
    let left = data.is_some_and(|data| {
        data.leaves.iter().any(|leaf| leaf.as_ref() == old.certificate.device().as_bytes().as_slice())
    });
    let same_person = old.certificate.user() == after.certificate.user();
    let same_device = old.certificate.device() == after.certificate.device();
    // A device that was added anew is the same person's; another person in its id is never a replacement.
    if same_device { !same_person } else { !left }
}

/// Members after that were not members before.
fn added<'a>(commit: &'a Judged<'a>) -> impl Iterator<Item = &'a Member> {
    commit.after.members.iter().filter(|member| !commit.before.has(member))
}

/// Members before that are not members after.
fn removed<'a>(commit: &'a Judged<'a>) -> impl Iterator<Item = &'a Member> {
    commit.before.members.iter().filter(|member| !commit.after.has(member))
}

/// Keepers are named in the settings; with none of them left in it, every member is one.
pub(crate) fn keeps(roster: &Roster, settings: &ConversationSettings, user: &UserId) -> bool {
    let keepers = &settings.keepers;
    let any_left = keepers
        .iter()
        .any(|keeper| roster.members.iter().any(|member| member.certificate.user().as_str() == keeper));
    !any_left || keepers.iter().any(|keeper| keeper == user.as_str())
}

/// Every member adds people; a person's further device comes in with their approval.
fn may_join(commit: &Judged<'_>, member: &Member) -> bool {
    let user = member.certificate.user();
    if !commit.before.has_user(user) || commit.author.certificate.user() == user {
        return true;
    }
    let approvals = commit.data.map_or(&[][..], |data| data.approvals.as_slice());
    approvals.iter().any(|statement| approves(commit.before, statement, member))
}

/// Whether a statement is the approval of `member` by another device of the same person.
fn approves(before: &Roster, statement: &SignedStatement, member: &Member) -> bool {
    let Some(signer) = signer_of(before, statement) else { return false };
    let Ok(body) = signer.certificate.verify_statement(StatementLabel::DeviceApproval, statement) else {
        return false;
    };
    DeviceApproval::decode(body.as_ref()).is_ok_and(|approval| {
        signer.certificate.user() == member.certificate.user()
            && approval.device_id.as_ref() == member.certificate.device().as_bytes().as_slice()
            && approval.certificate_sha256.as_ref() == member.certificate.fingerprint().as_bytes().as_slice()
    })
}

/// The member before who signed a statement.
fn signer_of<'a>(before: &'a Roster, statement: &SignedStatement) -> Option<&'a Member> {
    before.fingerprint(&Digest::try_from(&statement.signer).ok()?)
}

/// A removal needs its ground.
fn may_remove(commit: &Judged<'_>, member: &Member) -> bool {
    let Some(data) = commit.data else { return false };
    let device: DeviceId = member.certificate.device();
    let at = data.leaves.iter().position(|leaf| leaf.as_ref() == device.as_bytes().as_slice());
    let Some(RemovalGround { ground: Some(ground) }) = at.and_then(|at| data.grounds.get(at)) else {
        return false;
    };
    match ground {
        Ground::Keeper(_) => keeps(commit.before, commit.right, commit.author.certificate.user()),
        Ground::OwnDevice(_) => commit.author.certificate.user() == member.certificate.user(),
        Ground::Leave(statement) => left(commit, statement, member),
        // No revocation list, proof of faults, report or confirmation is looked at yet: none is a ground.
        Ground::RevocationListNumber(_)
        | Ground::FaultEntryNumber(_)
        | Ground::OutOfStep(_)
        | Ground::Replaced(_) => false,
    }
}

/// Whether the person said that they leave this conversation.
fn left(commit: &Judged<'_>, statement: &SignedStatement, member: &Member) -> bool {
    let Some(signer) = signer_of(commit.before, statement) else { return false };
    if commit.spent_leaves.contains(&Digest::of(&statement.body)) {
        return false;
    }
    let Ok(body) = signer.certificate.verify_statement(StatementLabel::Leave, statement) else {
        return false;
    };
    Leave::decode(body.as_ref()).is_ok_and(|leave| {
        signer.certificate.user() == member.certificate.user()
            && leave.conversation_id.as_ref() == commit.conversation
            && leave.user_id == member.certificate.user().as_str()
    })
}

/// Whether the author told the relay the truth about who is in.
fn declared(commit: &Judged<'_>) -> bool {
    commit.data.is_some_and(|data| data.roster_sha256.as_ref() == commit.after.digest().as_bytes().as_slice())
}

#[cfg(test)]
mod tests {
    use wardline_identity::{
        DateCheck, DeviceKey, DeviceName, DeviceSubject, DisplayName, IssuerAuthority, Organisation,
        OrganisationId, Role, RootAuthority, SigningKey, SystemEntropy, device_id_new, sign_statement,
    };
    use wardline_proto::{ConversationId, UtcMillis, relay, relay::KeeperRight};

    use super::*;
    use crate::conversation::{
        hold::Hold,
        statements_test::{approve, leave},
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
        judge(&Judged {
            author,
            before,
            after,
            right: settings.0,
            settings_after: settings.1,
            settings_changed: settings.0 != settings.1,
            data: Some(data),
            conversation: WARD.as_bytes(),
            spent_leaves: &[],
        })
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
        let again = judge(&Judged {
            author: &b,
            before: &before,
            after: &after,
            right: &set,
            settings_after: &set,
            settings_changed: false,
            data: Some(&declare(&before, &after, Some(Ground::Leave(spent.clone())))),
            conversation: WARD.as_bytes(),
            spent_leaves: &[Digest::of(&spent.body)],
        });
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
            right: &right,
            settings_after: settings,
            settings_changed: in_force != settings,
            data: Some(&declare(before, after, None)),
            conversation: WARD.as_bytes(),
            spent_leaves: &[],
        });
        Hold::after(hold, &verdict, after, &right)
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
}
