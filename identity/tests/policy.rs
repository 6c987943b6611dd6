//! The policy rides in the revocation list: whoever goes by the one goes by the other, and it never falls back.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod hospital;

use hospital::{Hospital, NOW, later};
use wardline_identity::*;
use wardline_proto::in_place::{arm, disarm};

/// A policy with this number, under which messages live for so many days.
fn policy(number: u64, days: u32) -> Policy {
    let (life_seconds_max, life_seconds_default) = (days * 86_400, 86_400);
    Policy { number, rules: Rules { life_seconds_max, life_seconds_default, ..Policy::UNSET.rules } }
}

/// The next list with this policy.
fn next(hospital: &Hospital, register: &RevocationRegister, policy: &Policy) -> RevocationList {
    let signed = register.sign_next_policy(&hospital.issuer, &hospital.organisation, (&[], policy), NOW);
    hospital.organisation.verify_revocation_list(&signed.unwrap(), NOW).unwrap()
}

/// A register whose lists had these policies.
fn with(hospital: &Hospital, policies: &[Policy]) -> RevocationRegister {
    let mut register = RevocationRegister::new(hospital.organisation.id());
    for policy in policies {
        let list = next(hospital, &register, policy);
        assert_eq!(register.adopt(list, &[]), Ok(Adoption::Newer));
    }
    register
}

#[test]
fn a_policy_stays_in_force_until_another_is_signed_whatever_else_a_list_says() {
    let hospital = Hospital::found(1);
    let mut register = RevocationRegister::new(hospital.organisation.id());
    assert_eq!(register.policy(), &Policy::UNSET);
    let week = policy(1, 7);
    let list = next(&hospital, &register, &week);
    register.adopt(list, &[]).unwrap();
    assert_eq!(register.policy(), &week);
    // A list with other responders, and the same one signed again.
    let night = [UserId::parse("night-desk").unwrap()];
    let signed =
        register.sign_next_with(&hospital.issuer, &hospital.organisation, (&[], &night), NOW).unwrap();
    let list = hospital.organisation.verify_revocation_list(&signed, NOW).unwrap();
    register.adopt(list, &[]).unwrap();
    let again = register.sign_again(&hospital.issuer, &hospital.organisation, later(60)).unwrap();
    let again = hospital.organisation.verify_revocation_list(&again, NOW).unwrap();
    assert_eq!(register.adopt(again, &[]), Ok(Adoption::Refreshed));
    assert_eq!((register.policy(), register.responders()), (&week, &night[..]));
    // And as it comes off a disk.
    let stored = RevocationList::stored(register.list().unwrap().statement().clone()).unwrap();
    assert_eq!(RevocationRegister::restore(stored, []).policy(), &week);
}

#[test]
fn an_older_policy_does_not_come_back_and_another_has_another_number() {
    let hospital = Hospital::found(1);
    let register = with(&hospital, &[policy(1, 30), policy(2, 7)]);
    let refused = Err(RevocationError::Fork { current: 2 });
    for (wrong, guard) in [
        (policy(1, 30), "mutant.policy_falls"),
        (Policy::UNSET, "mutant.policy_falls"),
        (policy(2, 30), "mutant.policy_without_number"),
    ] {
        let list = next(&hospital, &register, &wrong);
        assert_eq!(register.clone().adopt(list.clone(), &[]), refused, "{wrong:?}");
        arm(guard);
        let taken = register.clone().adopt(list, &[]);
        disarm(guard);
        assert_eq!(taken, Ok(Adoption::Newer), "the guard taken away");
    }
    for right in [policy(2, 7), policy(3, 30)] {
        let list = next(&hospital, &register, &right);
        assert_eq!(register.clone().adopt(list, &[]), Ok(Adoption::Newer), "the control");
    }
    // No single list uses up all the numbers: it would be the last policy for ever.
    let leap =
        register.sign_next_policy(&hospital.issuer, &hospital.organisation, (&[], &policy(4, 30)), NOW);
    let leap = leap.unwrap();
    let field = Err(RevocationError::Field { field: "policy" });
    assert_eq!(hospital.organisation.verify_revocation_list(&leap, NOW), field);
    arm("mutant.policy_number_leaps");
    let taken = hospital.organisation.verify_revocation_list(&leap, NOW);
    disarm("mutant.policy_number_leaps");
    assert!(taken.is_ok(), "the guard taken away");
    // The same number of a list with another policy is another list.
    let other = with(&hospital, &[policy(1, 30), policy(2, 8)]).list().unwrap().clone();
    assert_eq!(register.clone().adopt(other, &[]), refused);
}
