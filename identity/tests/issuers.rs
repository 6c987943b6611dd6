//! A struck issuer vouches for what the root has kept of its making, signs nothing any more, and never comes back.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod hospital;

use std::collections::BTreeSet;

use hospital::{DAY, Hospital, NOW, later, wire};
use wardline_identity::*;
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::{Digest, UtcMillis, relay as pb};

/// A hospital whose first issuer was struck, and its second one.
struct AfterStrike {
    hospital: Hospital,
    second: IssuerAuthority,
    after: Organisation,
}

fn second(hospital: &Hospital) -> IssuerAuthority {
    hospital.root.found_issuer(&DisplayName::parse("Second").unwrap(), &hospital.entropy, NOW).unwrap()
}

/// List 2: the first issuer is struck and keeps these.
fn strike(kept: &[&[u8]]) -> AfterStrike {
    let hospital = Hospital::found(1);
    strike_in(hospital, kept)
}

fn strike_in(hospital: Hospital, kept: &[&[u8]]) -> AfterStrike {
    let second = second(&hospital);
    let list = list(&hospital, 2, &[second.certificate_der()], &[(hospital.issuer.certificate_der(), kept)]);
    let after = hospital.organisation.succeeded_by(&list).unwrap().unwrap();
    AfterStrike { hospital, second, after }
}

fn list(
    hospital: &Hospital,
    number: u64,
    issuers: &[&[u8]],
    struck: &[(&[u8], &[&[u8]])],
) -> pb::SignedStatement {
    let strike = |(certificate, kept): &(&[u8], &[&[u8]])| Strike {
        certificate: certificate.to_vec(),
        kept: kept.iter().map(|der| Digest::of(der)).collect(),
        since: (number > 2).then_some(2),
    };
    let struck: Vec<_> = struck.iter().map(strike).collect();
    hospital.root.sign_issuers(number, issuers, (&struck, None)).unwrap()
}

/// The list with this number by which the first issuer was struck in `since`, and this list stands.
fn struck_in(
    hospital: &Hospital,
    (number, since): (u64, u64),
    standing: Option<StandingList>,
) -> pb::SignedStatement {
    let certificate = hospital.issuer.certificate_der().to_vec();
    let strike = Strike { certificate, kept: BTreeSet::new(), since: Some(since) };
    hospital.root.sign_issuers::<Vec<u8>>(number, &[], (&[strike], standing)).unwrap()
}

#[test]
fn of_a_struck_issuers_revocation_lists_the_one_that_was_named_counts_and_no_other() {
    let hospital = Hospital::found(1);
    let before = &hospital.organisation;
    let mut register = RevocationRegister::new(before.id());
    let named = register.sign_next(&hospital.issuer, before, &[], NOW).unwrap();
    let list = before.verify_revocation_list(&named, NOW).unwrap();
    register.adopt(list.clone(), &[]).unwrap();
    let again = register.sign_again(&hospital.issuer, before, later(1)).unwrap();
    let next = register.sign_next(&hospital.issuer, before, &[], later(1)).unwrap();
    let by = |standing| before.succeeded_by(&struck_in(&hospital, (2, 2), standing)).unwrap().unwrap();
    let after = by(Some(StandingList::from(&list)));
    assert_eq!(after.verify_revocation_list(&named, NOW).unwrap(), list);
    let other_number = StandingList { number: 2, ..StandingList::from(&list) };
    assert_eq!(
        by(Some(other_number)).verify_revocation_list(&named, NOW),
        Err(RevocationError::IssuerStruck)
    );
    let mut forged = named.clone();
    forged.signature = again.signature.clone();
    assert!(matches!(after.verify_revocation_list(&forged, NOW), Err(RevocationError::Statement(_))));
    for newer in [&again, &next] {
        assert!(before.verify_revocation_list(newer, NOW).is_ok(), "the control: before the strike");
        assert_eq!(after.verify_revocation_list(newer, NOW), Err(RevocationError::IssuerStruck));
    }
    assert_eq!(by(None).verify_revocation_list(&named, NOW), Err(RevocationError::IssuerStruck));
    arm("mutant.any_list_stands");
    let taken = after.verify_revocation_list(&next, NOW);
    disarm("mutant.any_list_stands");
    assert!(taken.is_ok(), "the guard taken away");
    // Another issuer goes on from it, also who comes new.
    let second = second(&hospital);
    let mut newcomer = RevocationRegister::new(after.id());
    newcomer.adopt(after.verify_revocation_list(&named, NOW).unwrap(), &[]).unwrap();
    assert!(newcomer.sign_next(&second, &after, &[], later(1)).is_ok());
}

#[test]
fn since_when_an_issuer_is_struck_does_not_change() {
    let hospital = Hospital::found(1);
    let by = |number, since| struck_in(&hospital, (number, since), None);
    let shape = Err(OrganisationError::IssuersShape { field: "strike" });
    for wrong in [by(2, 0), by(2, 3)] {
        assert_eq!(hospital.organisation.succeeded_by(&wrong), shape);
    }
    // Whoever has the list before knows that it was not on that.
    assert_eq!(hospital.organisation.succeeded_by(&by(2, 1)), shape);
    let after = hospital.organisation.succeeded_by(&by(2, 2)).unwrap().unwrap();
    assert_eq!(after.struck()[0].since(), 2);
    assert_eq!(after.succeeded_by(&by(3, 3)), shape);
    assert_eq!(after.succeeded_by(&by(3, 2)).unwrap().unwrap().struck()[0].since(), 2, "the control");
}

#[test]
fn two_issuers_lists_under_one_number_show_and_what_names_the_other_is_not_taken() {
    let hospital = Hospital::found(1);
    let second = second(&hospital);
    let first = hospital.issuer.certificate_der();
    let two = |issuers: &[&[u8]]| {
        let list = hospital.root.sign_issuers_list(2, issuers).unwrap();
        hospital.organisation.succeeded_by(&list).unwrap().unwrap()
    };
    let (here, there) = (two(&[first, second.certificate_der()]), two(&[second.certificate_der(), first]));
    let mut register = RevocationRegister::new(here.id());
    let ours = register.sign_next(&second, &here, &[], NOW).unwrap();
    let theirs = register.sign_next(&second, &there, &[], NOW).unwrap();
    let older = register.sign_next(&hospital.issuer, &hospital.organisation, &[], NOW).unwrap();
    assert!(here.verify_revocation_list(&ours, NOW).is_ok(), "the control");
    assert!(here.verify_revocation_list(&older, NOW).is_ok(), "by a lower one: its signer had not heard");
    let other = RevocationError::OtherIssuers { number: 2 };
    assert_eq!(here.verify_revocation_list(&theirs, NOW), Err(other));
    // The same where the list of issuers is a newer one by now.
    register.adopt(here.verify_revocation_list(&ours, NOW).unwrap(), &[]).unwrap();
    let theirs = RevocationList::stored(theirs).unwrap();
    assert_eq!(register.outcome(&theirs, &[]), Err(other));
    arm("mutant.other_issuers_named");
    let taken = here.verify_revocation_list(theirs.statement(), NOW);
    let adopted = register.outcome(&theirs, &[]);
    disarm("mutant.other_issuers_named");
    assert!(taken.is_ok() && adopted.is_ok(), "the guard taken away");
}

#[test]
fn of_a_struck_issuers_making_only_what_was_kept_is_good() {
    let hospital = Hospital::found(1);
    let ((_, kept), (_, other)) = (hospital.device(), hospital.device());
    let (_, relay) = hospital.relay();
    let AfterStrike { hospital, second, after } = strike_in(hospital, &[&kept, &relay]);
    let (_, newly) = hospital.device();
    for der in [&kept, &other, &newly] {
        assert!(hospital.organisation.verify_device(der, NOW).is_ok(), "the control: before the strike");
    }
    assert_eq!(
        after.verify_device(&kept, NOW).unwrap().issuer(),
        *hospital.issuer.certificate().fingerprint()
    );
    assert!(after.verify_relay(&relay, NOW).is_ok());
    let refused = Err(CertificateError::IssuerStruck);
    for der in [&other, &newly] {
        assert_eq!(after.verify_device(der, NOW), refused);
    }
    assert_eq!(after.verify_relay(&hospital.relay().1, NOW), Err(CertificateError::IssuerStruck));
    let key = hospital.key();
    let of_second =
        second.certify_device(&hospital.subject(), &key.public().into(), &hospital.entropy, NOW).unwrap();
    assert!(after.verify_device(&of_second, NOW).is_ok());
    // What was kept ends when it would have.
    assert!(matches!(after.verify_device(&kept, later(91 * DAY)), Err(CertificateError::Expired { .. })));

    arm("mutant.struck_vouches");
    let taken = after.verify_device(&newly, NOW);
    disarm("mutant.struck_vouches");
    assert!(taken.is_ok(), "the guard taken away");
}

#[test]
fn no_statement_of_a_struck_issuer_counts() {
    let AfterStrike { hospital, second, after } = strike(&[]);
    let before = &hospital.organisation;
    let register = RevocationRegister::new(before.id());
    let revocations = |issuer: &IssuerAuthority, by| register.sign_next(issuer, by, &[], NOW).unwrap();
    let invitation = |issuer: &IssuerAuthority| {
        let subject = InvitationSubject {
            user: UserId::parse("dr.b").unwrap(),
            display_name: DisplayName::parse("Dr. B").unwrap(),
            role: Role::Clinician,
        };
        Invitation::create(issuer, &subject, later(DAY), &hospital.entropy).unwrap().1
    };
    let (list, invited) = (revocations(&hospital.issuer, before), invitation(&hospital.issuer));
    assert!(before.verify_revocation_list(&list, NOW).is_ok(), "the control: before the strike");
    assert!(before.verify_invitation(&invited, NOW).is_ok(), "the control: before the strike");
    assert_eq!(after.verify_revocation_list(&list, NOW), Err(RevocationError::IssuerStruck));
    let struck = InvitationError::Issuer(CertificateError::IssuerStruck);
    assert_eq!(after.verify_invitation(&invited, NOW), Err(struck));
    assert!(after.verify_revocation_list(&revocations(&second, &after), NOW).is_ok());
    assert!(after.verify_invitation(&invitation(&second), NOW).is_ok());

    arm("mutant.struck_signs");
    let taken = (after.verify_revocation_list(&list, NOW), after.verify_invitation(&invited, NOW));
    disarm("mutant.struck_signs");
    assert!(taken.0.is_ok() && taken.1.is_ok(), "the guard taken away");
}

#[test]
fn an_invitation_of_a_struck_issuer_that_was_carried_out_counts_for_the_certificate_that_was_kept() {
    let hospital = Hospital::found(1);
    let ((_, kept), (_, other)) = (hospital.device(), hospital.device());
    let (_, invited) = hospital.invite(later(DAY));
    let AfterStrike { after, .. } = strike_in(hospital, &[&kept]);
    assert!(after.verify_used_invitation(&invited, &Digest::of(&kept)).is_ok());
    let struck = Err(InvitationError::Issuer(CertificateError::IssuerStruck));
    assert_eq!(after.verify_used_invitation(&invited, &Digest::of(&other)), struck);
    let forged = pb::SignedStatement { signature: vec![1; 64].into(), ..invited };
    assert!(after.verify_used_invitation(&forged, &Digest::of(&kept)).is_err());
}

#[test]
fn the_number_only_rises_and_there_is_one_list_a_number() {
    let AfterStrike { hospital, second, after } = strike(&[]);
    let first = hospital.organisation.issuers_statement();
    assert_eq!(after.succeeded_by(first), Err(OrganisationError::IssuersOlder { known: 2 }));
    assert_eq!(after.succeeded_by(after.issuers_statement()), Ok(None));
    let other = list(&hospital, 2, &[], &[(hospital.issuer.certificate_der(), &[])]);
    assert_eq!(after.succeeded_by(&other), Err(OrganisationError::IssuersFork { number: 2 }));
    let third = list(&hospital, 3, &[second.certificate_der()], &[(hospital.issuer.certificate_der(), &[])]);
    assert_eq!(after.succeeded_by(&third).unwrap().unwrap().issuers_number(), 3);

    // With both guards taken away, an old list that knows nothing of the strike is a list like any other.
    arm("mutant.issuers_fall");
    let fallen = after.succeeded_by(first);
    disarm("mutant.issuers_fall");
    assert_ne!(fallen, Err(OrganisationError::IssuersOlder { known: 2 }), "the guard taken away");
}

#[test]
fn who_was_struck_never_comes_back() {
    let AfterStrike { hospital, second, after } = strike(&[]);
    let gone = hospital.issuer.certificate_der();
    let renewed = hospital
        .root
        .certify_issuer(
            &hospital.issuer.key().public(),
            &DisplayName::parse("IT lead").unwrap(),
            &hospital.entropy,
            NOW,
        )
        .unwrap();
    let struck = Err(OrganisationError::IssuersShape { field: "strike" });
    let forgotten = list(&hospital, 3, &[second.certificate_der()], &[]);
    let listed_again = list(&hospital, 3, &[second.certificate_der(), gone], &[]);
    let under_another_certificate = list(&hospital, 3, &[&renewed], &[(gone, &[])]);
    for back in [&forgotten, &listed_again, &under_another_certificate] {
        assert_eq!(after.succeeded_by(back), struck);
    }
    assert!(hospital.organisation.succeeded_by(&forgotten).is_ok(), "the control: who knows of no strike");
    arm("mutant.struck_comes_back");
    let taken = [&forgotten, &listed_again, &under_another_certificate].map(|back| after.succeeded_by(back));
    disarm("mutant.struck_comes_back");
    assert!(taken.iter().all(Result::is_ok), "the guard taken away");
}

#[test]
fn kept_certificates_have_one_order_and_a_limit() {
    let hospital = Hospital::found(1);
    let (a, b) = (Digest::of(b"a").to_wire(), Digest::of(b"b").to_wire());
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    let with = |kept: Vec<prost::bytes::Bytes>| {
        let certificate = hospital.issuer.certificate_der().to_vec().into();
        let struck = vec![pb::StruckIssuer { certificate, kept, since: 2 }];
        let list = pb::IssuersList { number: 2, struck, ..pb::IssuersList::default() };
        let root = (hospital.root.key(), hospital.root.certificate_der());
        let signed = sign_statement(root.0, StatementLabel::IssuersList, &list, Some(root.1));
        Organisation::verify(&wire(&hospital.root, signed), &hospital.root.fingerprint(), NOW)
    };
    assert!(with(vec![low.clone(), high.clone()]).is_ok());
    let shape = |field| Err(OrganisationError::IssuersShape { field });
    assert_eq!(with(vec![high, low.clone()]), shape("order of kept certificates"));
    assert_eq!(with(vec![low.clone(), low.clone()]), shape("order of kept certificates"));
    assert_eq!(with(vec![low.slice(..31)]), shape("kept certificate"));
    let digests = |count: u32| (0..count).map(|one| Digest::of(&one.to_be_bytes())).collect::<BTreeSet<_>>();
    let most = digests(20_000).iter().map(|one| one.to_wire()).collect::<Vec<_>>();
    assert_eq!(with(most).unwrap().struck()[0].kept().len(), 20_000, "the control: as many as fit");
    let beyond = digests(20_001).iter().map(|one| one.to_wire()).collect::<Vec<_>>();
    assert_eq!(with(beyond), shape("number of kept certificates"));
    let certificate = hospital.issuer.certificate_der().to_vec();
    let strike = Strike { certificate, kept: digests(20_001), since: None };
    assert!(matches!(
        hospital.root.sign_issuers::<Vec<u8>>(2, &[], (&[strike], None)),
        Err(AuthorityError::IssuersShape)
    ));
}

#[test]
fn a_root_proof_is_of_the_root_and_of_one_connection() {
    let (hospital, other) = (Hospital::found(1), Hospital::found(2));
    let organisation = &hospital.organisation;
    let proof = hospital.root.prove(&[7; 32]);
    assert_eq!(organisation.verify_root_proof(&proof, &[7; 32]), Ok(()));
    assert_eq!(organisation.verify_root_proof(&proof, &[8; 32]), Err(StatementError::OtherSigner));
    let foreign = organisation.verify_root_proof(&other.root.prove(&[7; 32]), &[7; 32]);
    assert_eq!(foreign, Err(StatementError::OtherSigner));
    let by_issuer = sign_statement(
        hospital.issuer.key(),
        StatementLabel::RootProof,
        &pb::RootProof { tls_exporter: vec![7; 32].into() },
        Some(hospital.root.certificate_der()),
    );
    assert!(organisation.verify_root_proof(&by_issuer, &[7; 32]).is_err());
    arm("mutant.root_proof_of_any_connection");
    let taken = organisation.verify_root_proof(&proof, &[8; 32]);
    disarm("mutant.root_proof_of_any_connection");
    assert_eq!(taken, Ok(()), "the guard taken away");
}

#[test]
fn the_time_of_a_list_is_not_judged_by_what_it_strikes() {
    let AfterStrike { hospital, after, .. } = strike(&[]);
    let wire = after.to_wire();
    let read = |now: UtcMillis| Organisation::verify(&wire, &hospital.root.fingerprint(), now);
    assert_eq!(read(NOW).unwrap(), after);
    assert!(read(later(400 * DAY)).is_ok(), "the struck issuer has ended, the list stands");
    let named = after.issuer_of(hospital.issuer.certificate().fingerprint()).unwrap();
    assert_eq!(named.der(), hospital.issuer.certificate_der());
}

#[test]
fn what_was_good_by_one_list_of_issuers_is_verified_anew_by_the_next() {
    let hospital = Hospital::found(1);
    let (_, der) = hospital.device();
    let AfterStrike { hospital, after, .. } = strike_in(hospital, &[]);
    for _ in 0..2 {
        assert!(hospital.organisation.verify_device(&der, DateCheck::Skip).is_ok(), "the control: before");
    }
    let next = || hospital.organisation.succeeded_by(after.issuers_statement()).unwrap().unwrap();
    let refused = Err(CertificateError::IssuerStruck);
    let by_next = next();
    assert_eq!(by_next.verify_device(&der, DateCheck::Skip), refused);
    assert!(
        by_next.as_of(1).verify_device(&der, DateCheck::Skip).is_ok(),
        "as it was seen before the strike"
    );
    assert_eq!(by_next.verify_device(&der, DateCheck::Skip), refused, "and that changes nothing");
    arm("mutant.verified_before");
    let by_next = next();
    disarm("mutant.verified_before");
    assert!(by_next.verify_device(&der, DateCheck::Skip).is_ok(), "the guard taken away");
}

#[test]
fn a_certificate_that_was_verified_before_is_refused_where_one_byte_is_another() {
    let hospital = Hospital::found(1);
    let (_, der) = hospital.device();
    assert!(hospital.organisation.verify_device(&der, DateCheck::Skip).is_ok());
    for at in 0..der.len() {
        let mut other = der.clone();
        other[at] ^= 1;
        assert!(hospital.organisation.verify_device(&other, DateCheck::Skip).is_err(), "byte {at}");
    }
}
