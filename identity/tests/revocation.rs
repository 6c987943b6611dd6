//! The revocation list: it only ever grows, one history of it exists, and it can be relied on for as long as it says.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod hospital;

use std::collections::HashMap;

use hospital::{DAY, Hospital, NOW, later};
use proptest::prelude::*;
use prost::Message as _;
use wardline_identity::*;
use wardline_proto::{DeviceId, Digest, UtcMillis, relay as pb};

/// A field, and what spoils it.
type Bad<T> = (&'static str, fn(&mut T));

const fn device(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 16])
}

impl Hospital {
    fn act(&self, number: u8, kind: RevocationKind, at: UtcMillis) -> RevocationAct {
        let issuer = *self.issuer.certificate().fingerprint();
        RevocationAct { device: device(number), kind, reason: RevocationReason::Lost, at, issuer }
    }

    fn revokes(&self, number: u8) -> RevocationAct {
        self.act(number, RevocationKind::Revoked, NOW)
    }

    fn register(&self) -> RevocationRegister {
        RevocationRegister::new(self.organisation.id())
    }

    fn next(&self, register: &RevocationRegister, acts: &[RevocationAct]) -> RevocationList {
        let signed = register.sign_next(&self.issuer, &self.organisation, acts, NOW).unwrap();
        self.organisation.verify_revocation_list(&signed, NOW).unwrap()
    }

    /// A register with these acts, one list each.
    fn with(&self, acts: &[RevocationAct]) -> RevocationRegister {
        let mut register = self.register();
        for act in acts {
            let list = self.next(&register, &[*act]);
            assert_eq!(register.adopt(list, &[*act]), Ok(Adoption::Newer));
        }
        register
    }
}

#[test]
fn a_revoked_device_stays_revoked_and_others_are_in_force() {
    let hospital = Hospital::found(1);
    let register = hospital.with(&[hospital.revokes(1)]);
    let revoked = Standing::Revoked { since: NOW, reason: RevocationReason::Lost };
    assert_eq!(register.standing(&device(1), NOW), revoked);
    assert_eq!(register.standing(&device(1), later(10_000 * DAY)), revoked);
    assert_eq!(register.standing(&device(2), NOW), Standing::InForce);
    assert_eq!((register.number(), register.acts()), (1, 1));
    for kind in RevocationKind::ALL {
        let act = hospital.act(1, *kind, later(DAY));
        let signed = register.sign_next(&hospital.issuer, &hospital.organisation, &[act], NOW);
        assert_eq!(signed, Err(RevocationError::Act { number: 2 }), "{kind}");
    }
}

#[test]
fn a_hold_ends_by_reinstatement_in_time_or_counts_as_revoked() {
    use RevocationKind::{Held, Reinstated, Revoked};
    let hospital = Hospital::found(1);
    let register = hospital.with(&[hospital.act(1, Held, NOW)]);
    let until = later(HOLD_SECONDS);
    let reason = RevocationReason::Lost;
    let just_before = UtcMillis::new(until.get() - 1);
    assert_eq!(register.standing(&device(1), just_before), Standing::Held { since: NOW, until, reason });
    assert_eq!(register.standing(&device(1), until), Standing::Revoked { since: until, reason });

    let sign = |kind, at| {
        let act = hospital.act(1, kind, at);
        register.sign_next(&hospital.issuer, &hospital.organisation, &[act], NOW).map(|_| ())
    };
    assert_eq!(sign(Reinstated, just_before), Ok(()));
    assert_eq!(sign(Reinstated, until), Err(RevocationError::Act { number: 2 }), "too late");
    assert_eq!(sign(Held, NOW), Err(RevocationError::Act { number: 2 }), "a hold is not prolonged");
    assert_eq!(sign(Revoked, until), Ok(()));

    let back = hospital.with(&[hospital.act(1, Held, NOW), hospital.act(1, Reinstated, later(DAY))]);
    assert_eq!(back.standing(&device(1), until), Standing::InForce);
    let reinstated_first = hospital.act(2, Reinstated, NOW);
    let signed = back.sign_next(&hospital.issuer, &hospital.organisation, &[reinstated_first], NOW);
    assert_eq!(signed, Err(RevocationError::Act { number: 3 }));
}

#[test]
fn a_list_that_forgets_or_changes_what_was_done_is_refused() {
    let hospital = Hospital::found(1);
    let [one, two, three] = [1, 2, 3].map(|number| hospital.revokes(number));
    let mut register = hospital.with(&[one, two]);
    let before = register.clone();

    // Signed by an issuer, of a higher number, and without the second act, or with another in its place.
    let shorter = hospital.with(&[one]);
    let empty = hospital.next(&hospital.with(&[one, one_more(&hospital)]), &[]);
    for (list, acts) in [(hospital.next(&shorter, &[]), vec![]), (empty, vec![])] {
        let outcome = register.adopt(list.clone(), &acts);
        let refused = matches!(outcome, Err(RevocationError::Fork { .. } | RevocationError::Older { .. }));
        assert!(refused, "{list:?}: {outcome:?}");
    }
    let forked = hospital.with(&[one, three]);
    let fork = hospital.next(&forked, &[one_more(&hospital)]);
    assert_eq!(register.adopt(fork, &[one_more(&hospital)]), Err(RevocationError::Fork { current: 2 }));
    // What cannot follow here is named before the chain is compared.
    let fork = hospital.next(&forked, &[two]);
    assert_eq!(register.adopt(fork, &[two]), Err(RevocationError::Act { number: 3 }));
    assert_eq!(register, before, "nothing has changed");

    // The control.
    let list = hospital.next(&register, &[three]);
    assert_eq!(register.adopt(list, &[three]), Ok(Adoption::Newer));
}

fn one_more(hospital: &Hospital) -> RevocationAct {
    hospital.act(9, RevocationKind::Held, NOW)
}

#[test]
fn of_two_lists_with_one_number_the_first_counts_and_the_other_is_seen_to_differ() {
    let hospital = Hospital::found(1);
    let mut register = hospital.with(&[hospital.revokes(1)]);
    let other = hospital.with(&[hospital.revokes(2)]);
    let list = other.list().unwrap().clone();
    assert_eq!(register.adopt(list, &[]), Err(RevocationError::Fork { current: 1 }));
    let same = register.list().unwrap().clone();
    assert_eq!(register.adopt(same, &[]), Ok(Adoption::Known), "the control");
}

#[test]
fn who_missed_some_lists_needs_the_acts_between() {
    let hospital = Hospital::found(1);
    let acts = [1, 2, 3].map(|number| hospital.revokes(number));
    let newest = hospital.with(&acts).list().unwrap().clone();
    let mut late = hospital.with(&acts[..1]);
    assert_eq!(late.adopt(newest.clone(), &acts[2..]), Err(RevocationError::Gap { have: 1 }));
    assert_eq!(late.adopt(newest.clone(), &[acts[2], acts[1]]), Err(RevocationError::Fork { current: 1 }));
    assert_eq!(late.adopt(newest, &acts[1..]), Ok(Adoption::Newer));
    assert!(late.standing(&device(2), NOW).is_out());
}

#[test]
fn the_same_list_signed_again_lives_longer_and_an_earlier_one_changes_nothing() {
    let hospital = Hospital::found(1);
    let mut register = hospital.with(&[hospital.revokes(1)]);
    let first = register.list().unwrap().clone();
    assert_eq!(first.fresh_until(), later(LIST_LIFE_SECONDS.into()));
    let signed = register.sign_again(&hospital.issuer, &hospital.organisation, later(DAY)).unwrap();
    let again = hospital.organisation.verify_revocation_list(&signed, later(DAY)).unwrap();
    assert_eq!(register.adopt(again, &[]), Ok(Adoption::Refreshed));
    let fresh_until = register.list().unwrap().fresh_until();
    assert_eq!((register.number(), fresh_until), (1, later(DAY + u64::from(LIST_LIFE_SECONDS))));
    assert_eq!(register.adopt(first, &[]), Ok(Adoption::Known));
    assert_eq!(register.list().unwrap().fresh_until(), fresh_until, "a replayed list shortens nothing");
}

#[test]
fn nobody_but_an_issuer_in_force_signs_a_list() {
    let hospital = Hospital::found(1);
    let signed = |by: &IssuerAuthority| {
        hospital.register().sign_next(by, &hospital.organisation, &[hospital.revokes(1)], NOW).unwrap()
    };
    let verify = |statement: &pb::SignedStatement, now| {
        hospital.organisation.verify_revocation_list(statement, now).map(|list| list.number())
    };
    assert_eq!(verify(&signed(&hospital.issuer), NOW), Ok(1));
    let other = Err(RevocationError::Statement(StatementError::OtherSigner));
    // Of another organisation, not on the list, and after its own year.
    assert_eq!(verify(&signed(&Hospital::found(2).issuer), NOW), other);
    let label = DisplayName::parse("struck").unwrap();
    let unlisted = hospital.root.found_issuer(&label, &hospital.entropy, NOW).unwrap();
    assert_eq!(verify(&signed(&unlisted), NOW), other);
    assert_eq!(verify(&signed(&hospital.issuer), later(366 * DAY)), other);
    // Another statement of the same issuer is none.
    let list = pb::RevocationList { number: 7, ..pb::RevocationList::default() };
    let as_record = hospital.issuer.sign(StatementLabel::InvitationRecord, &list);
    assert!(matches!(verify(&as_record, NOW), Err(RevocationError::Statement(StatementError::Signature(_)))));
}

#[test]
fn a_list_with_a_field_beyond_its_limit_is_refused_by_name() {
    let hospital = Hospital::found(1);
    let register = hospital.with(&[hospital.revokes(1)]);
    let good = pb::RevocationList::decode(register.list().unwrap().statement().body.clone()).unwrap();
    let verify = |list: &pb::RevocationList| {
        let signed = hospital.issuer.sign(StatementLabel::RevocationList, list);
        hospital.organisation.verify_revocation_list(&signed, NOW).map(|list| list.number())
    };
    assert_eq!(verify(&good), Ok(1));
    let bad: [Bad<pb::RevocationList>; 10] = [
        ("number", |list| list.number = 0),
        ("life", |list| list.life_seconds = 3_599),
        ("life", |list| list.life_seconds = 14 * 86_400 + 1),
        ("time", |list| list.signed_at = None),
        ("chain", |list| list.chain_hash = vec![0; 31].into()),
        ("policy", |list| list.policy = Some(pb::Policy::default())),
        ("policy", |list| {
            let unset = Policy { number: 1, ..Policy::UNSET }.to_wire();
            list.policy = unset.map(|policy| pb::Policy { life_seconds_max: 299, ..policy });
        }),
        ("issuers' list", |list| list.issuers_list_number = 0),
        ("issuers' list", |list| list.issuers_list_sha256 = vec![].into()),
        ("record", |list| list.record_head = vec![0; 1_025].into()),
    ];
    for (field, spoil) in bad {
        let mut list = good.clone();
        spoil(&mut list);
        assert_eq!(verify(&list), Err(RevocationError::Field { field }), "{list:?}");
    }
}

#[test]
fn an_act_reads_back_as_it_was_and_a_malformed_one_is_refused_by_name() {
    let hospital = Hospital::found(1);
    for kind in RevocationKind::ALL {
        for reason in RevocationReason::ALL {
            let act = RevocationAct { reason: *reason, ..hospital.act(1, *kind, NOW) };
            assert_eq!(RevocationAct::read(&act.to_wire()), Ok(act));
            assert_eq!(RevocationReason::parse(reason.as_str()), Ok(*reason));
        }
        assert_eq!(RevocationKind::parse(kind.as_str()), Ok(*kind));
    }
    assert!(RevocationReason::parse("because").is_err());
    let good = hospital.revokes(1).to_wire();
    let bad: [Bad<pb::RevocationAct>; 6] = [
        ("device", |act| act.device_id = vec![1; 15].into()),
        ("kind", |act| act.kind = 0),
        ("kind", |act| act.kind = 4),
        ("reason", |act| act.reason = 9),
        ("time", |act| act.at = None),
        ("issuer", |act| act.issuer = vec![].into()),
    ];
    for (field, spoil) in bad {
        let mut act = good.clone();
        spoil(&mut act);
        assert_eq!(RevocationAct::read(&act), Err(RevocationError::Field { field }));
    }
}

/// The chain by the wire's words alone, as a foreign implementation would write it.
fn chain_by_hand(organisation: &str, acts: &[RevocationAct]) -> Digest {
    let mut chain = Digest::of(format!("wardline revocation list{organisation}").as_bytes());
    for (number, act) in (1_u64..).zip(acts) {
        let wire = act.to_wire();
        let mut bytes = chain.as_bytes().to_vec();
        bytes.extend(number.to_be_bytes());
        bytes.extend(&wire.device_id);
        bytes.extend([u8::try_from(wire.kind).unwrap(), u8::try_from(wire.reason).unwrap()]);
        bytes.extend(act.at.get().to_be_bytes());
        bytes.extend(&wire.issuer);
        chain = Digest::of(&bytes);
    }
    chain
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However acts are cut into lists, whoever takes them in stands at the same place; nobody who was revoked is ever in
    /// force again, and what cannot follow changes nothing.
    #[test]
    fn one_history_gives_one_register(
        steps in prop::collection::vec((1_u8..6, 0_usize..3, 0_u64..20), 1..40),
        cuts in prop::collection::vec(1_usize..6, 40),
    ) {
        let hospital = Hospital::found(1);
        let mut register = hospital.register();
        let mut model: HashMap<u8, RevocationAct> = HashMap::new();
        let mut history = Vec::new();
        for (number, kind, days) in steps {
            let act = hospital.act(number, RevocationKind::ALL[kind], later(days * DAY));
            let before = register.clone();
            match register.sign_next(&hospital.issuer, &hospital.organisation, &[act], NOW) {
                Ok(signed) => {
                    let list = hospital.organisation.verify_revocation_list(&signed, NOW).unwrap();
                    prop_assert_eq!(register.adopt(list, &[act]), Ok(Adoption::Newer));
                    model.insert(number, act);
                    history.push(act);
                }
                Err(error) => {
                    prop_assert_eq!(error, RevocationError::Act { number: history.len() as u64 + 1 });
                    prop_assert_eq!(&register, &before);
                }
            }
            let was_out = before.standing(&device(number), later(1_000 * DAY)).is_out();
            let is_revoked = before.last_act(&device(number)).is_some_and(|act| act.kind == RevocationKind::Revoked);
            prop_assert!(!is_revoked || was_out && register.standing(&device(number), later(1_000 * DAY)).is_out());
        }
        for (number, act) in &model {
            prop_assert_eq!(register.last_act(&device(*number)), Some(act));
        }
        let Some(newest) = register.list() else { return Ok(()) };
        prop_assert_eq!(*newest.chain(), chain_by_hand(hospital.organisation.id().as_str(), &history));
        // Somebody else takes the same history in, in other portions.
        let mut other = hospital.register();
        let mut rest = history.as_slice();
        for cut in cuts {
            let (some, after) = rest.split_at(cut.min(rest.len()));
            if some.is_empty() {
                break;
            }
            let list = hospital.next(&other, some);
            prop_assert_eq!(other.adopt(list, some), Ok(Adoption::Newer));
            rest = after;
        }
        prop_assert_eq!(other.acts() == register.acts(), rest.is_empty());
        if rest.is_empty() {
            prop_assert_eq!(other.list().unwrap().chain(), newest.chain());
            let [mut one, mut two] = [&register, &other].map(|register| {
                register.out(later(DAY)).map(|(device, _)| device).collect::<Vec<_>>()
            });
            one.sort_unstable();
            two.sort_unstable();
            prop_assert_eq!(one, two);
        }
    }
}

#[test]
fn by_a_clock_that_is_days_behind_a_hold_is_a_hold_and_the_list_lives() {
    let hospital = Hospital::found(1);
    let behind = UtcMillis::new(NOW.get() - 8 * 86_400_000);
    let held_at = |at: UtcMillis| {
        let mut register = hospital.with(&[hospital.revokes(1)]);
        let acts = [hospital.act(2, RevocationKind::Held, at)];
        let signed = register.sign_next(&hospital.issuer, &hospital.organisation, &acts, at).unwrap();
        let list = hospital.organisation.verify_revocation_list(&signed, DateCheck::Skip).unwrap();
        register.adopt(list, &acts).unwrap();
        let held = matches!(register.standing(&device(2), NOW), Standing::Held { .. });
        (held, NOW < register.list().unwrap().fresh_until())
    };
    let register = hospital.with(&[hospital.revokes(1)]);
    assert_eq!(held_at(register.next_at(behind)), (true, true));
    assert_eq!(held_at(behind), (false, false), "the control: by that clock");
    assert_eq!(register.next_at(later(DAY)), later(DAY), "a clock that is right is believed");
    assert_eq!(hospital.register().next_at(behind), behind, "the first list has none before it");
}
