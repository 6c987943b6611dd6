//! Holds that devices sign: who may put which device on hold, and for how long such a statement counts.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod hospital;

use hospital::{DAY, Hospital, NOW, later};
use wardline_identity::*;
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::{Digest, UtcMillis, relay as pb};

/// A device of somebody.
struct Device {
    key: SigningKey,
    certificate: DeviceCertificate,
}

impl Hospital {
    fn device_of(&self, user: &str, role: Role) -> Device {
        let key = self.key();
        let subject = DeviceSubject { user: UserId::parse(user).unwrap(), role, ..self.subject() };
        let der = self.issuer.certify_device(&subject, &key.public().into(), &self.entropy, NOW).unwrap();
        Device { key, certificate: self.verify(&der).unwrap() }
    }

    fn says(&self, by: &Device, of: &[&Device], at: UtcMillis) -> pb::PendingHold {
        let mut of: Vec<&Device> = of.to_vec();
        of.sort_by_key(|one| one.certificate.device());
        let said = HoldStatement {
            organisation: self.organisation.id().clone(),
            devices: of.iter().map(|one| one.certificate.device()).collect(),
            reason: RevocationReason::Lost,
            signed_at: at,
        };
        let der = |one: &Device| one.certificate.der().to_vec().into();
        pb::PendingHold {
            statement: Some(said.sign(&by.key, &by.certificate)),
            signer_certificate: der(by),
            device_certificates: of.into_iter().map(der).collect(),
        }
    }

    /// A register whose first list names these responders and has done this.
    fn listed(
        &self,
        responders: &[&str],
        acts: &[(&Device, RevocationKind, UtcMillis)],
    ) -> RevocationRegister {
        let mut register = RevocationRegister::new(self.organisation.id());
        self.lists(&mut register, responders, acts);
        register
    }

    /// The next list.
    fn lists(
        &self,
        register: &mut RevocationRegister,
        responders: &[&str],
        acts: &[(&Device, RevocationKind, UtcMillis)],
    ) {
        let issuer = *self.issuer.certificate().fingerprint();
        let acts: Vec<RevocationAct> = acts
            .iter()
            .map(|(one, kind, at)| RevocationAct {
                device: one.certificate.device(),
                kind: *kind,
                reason: RevocationReason::Lost,
                at: *at,
                issuer,
            })
            .collect();
        let responders: Vec<UserId> = responders.iter().map(|user| UserId::parse(user).unwrap()).collect();
        let next = (acts.as_slice(), responders.as_slice());
        let signed = register.sign_next_with(&self.issuer, &self.organisation, next, NOW).unwrap();
        let list = self.organisation.verify_revocation_list(&signed, NOW).unwrap();
        assert_eq!(list.responders(), responders);
        register.adopt(list, &acts).unwrap();
    }

    fn judges(
        &self,
        register: &RevocationRegister,
        wire: &pb::PendingHold,
    ) -> Result<PendingHold, HoldError> {
        PendingHold::verify(&self.organisation, register, wire)
    }
}

use RevocationKind::{Held, Reinstated, Revoked};

#[test]
fn a_persons_own_device_and_a_responder_may_and_nobody_else() {
    let hospital = Hospital::found(1);
    let [phone, tablet] = [(); 2].map(|()| hospital.device_of("doctor-a", Role::Clinician));
    let nurse = hospital.device_of("nurse-a", Role::Clinician);
    let night = hospital.device_of("night-desk", Role::Clinician);
    let boss = hospital.device_of("admin-a", Role::Administrator);
    let machine = hospital.device_of("machine", Role::Registrar);
    let boss_phone = hospital.device_of("admin-a", Role::Clinician);
    let register = hospital.listed(&["night-desk"], &[]);
    let may = |by: &Device, of: &Device| hospital.judges(&register, &hospital.says(by, &[of], NOW)).map(drop);
    let not = |of: &Device| Err(HoldError::NotPermitted { device: of.certificate.device() });
    for (by, of, expected) in [
        (&phone, &tablet, Ok(())),
        (&night, &tablet, Ok(())),
        (&boss_phone, &boss, Ok(())),
        (&nurse, &tablet, not(&tablet)),
        (&boss, &tablet, not(&tablet)),
        (&night, &boss, not(&boss)),
        (&night, &machine, not(&machine)),
        (&phone, &phone, Err(HoldError::OwnDevice)),
    ] {
        assert_eq!(may(by, of), expected);
    }
    // Each guard taken away.
    for (guard, by, of) in [
        ("mutant.hold_by_anybody", &nurse, &tablet),
        ("mutant.hold_of_issuers", &night, &boss),
        ("mutant.hold_own", &phone, &phone),
    ] {
        arm(guard);
        let taken = may(by, of);
        disarm(guard);
        assert_eq!(taken, Ok(()), "{guard}");
    }
    // One whom the list names no more is none.
    let mut later = register.clone();
    hospital.lists(&mut later, &[], &[]);
    let refused = hospital.judges(&later, &hospital.says(&night, &[&tablet], NOW));
    assert_eq!(refused, Err(HoldError::NotPermitted { device: tablet.certificate.device() }));
}

#[test]
fn a_statement_of_another_key_time_organisation_or_form_is_refused() {
    let hospital = Hospital::found(1);
    let [phone, tablet] = [(); 2].map(|()| hospital.device_of("doctor-a", Role::Clinician));
    let nurse = hospital.device_of("nurse-a", Role::Clinician);
    let register = hospital.listed(&[], &[]);
    let good = hospital.says(&phone, &[&tablet], NOW);
    hospital.judges(&register, &good).expect("the control");
    let signed = good.statement.clone().unwrap();
    // Another's signature under the same certificate.
    let forged =
        sign_statement(&nurse.key, StatementLabel::Hold, &body(&signed), Some(phone.certificate.der()));
    let forged = pb::PendingHold { statement: Some(forged), ..good.clone() };
    assert!(matches!(hospital.judges(&register, &forged), Err(HoldError::Statement(_))));
    arm("mutant.hold_forged");
    let taken = hospital.judges(&register, &forged);
    disarm("mutant.hold_forged");
    assert!(taken.is_ok(), "the guard taken away");
    // Its certificate is over by then, or another's is shown.
    let late = hospital.says(&phone, &[&tablet], later(100 * DAY));
    assert!(matches!(hospital.judges(&register, &late), Err(HoldError::Certificate(_))));
    let swapped = pb::PendingHold {
        device_certificates: vec![nurse.certificate.der().to_vec().into()],
        ..good.clone()
    };
    assert_eq!(hospital.judges(&register, &swapped), Err(HoldError::Field { field: "certificates" }));
    // Fields.
    let changed = |change: &dyn Fn(&mut pb::HoldStatement)| {
        let mut said = body(&signed);
        change(&mut said);
        let statement =
            sign_statement(&phone.key, StatementLabel::Hold, &said, Some(phone.certificate.der()));
        hospital.judges(&register, &pb::PendingHold { statement: Some(statement), ..good.clone() })
    };
    let id = tablet.certificate.device().to_wire();
    assert_eq!(
        changed(&|said| said.organisation_id = "elsewhere".to_owned()),
        Err(HoldError::ForeignOrganisation)
    );
    for (field, outcome) in [
        ("organisation", changed(&|said| said.organisation_id = "No Such".to_owned())),
        ("devices", changed(&|said| said.device_ids = Vec::new())),
        ("devices", changed(&|said| said.device_ids = vec![id.clone(), id.clone()])),
        ("devices", changed(&|said| said.device_ids = vec![vec![1; 15].into()])),
        ("reason", changed(&|said| said.reason = 0)),
        ("time", changed(&|said| said.signed_at = None)),
    ] {
        assert_eq!(outcome, Err(HoldError::Field { field }), "{field}");
    }
    let too_many: Vec<_> = (0..21_u8).map(|number| vec![number; 16].into()).collect();
    assert_eq!(
        changed(&|said| said.device_ids = too_many.clone()),
        Err(HoldError::Field { field: "devices" })
    );
}

fn body(statement: &pb::SignedStatement) -> pb::HoldStatement {
    prost::Message::decode(statement.body.clone()).unwrap()
}

#[test]
fn who_is_out_puts_nobody_on_hold_whatever_time_they_name() {
    let hospital = Hospital::found(1);
    let [phone, tablet, laptop] = [(); 3].map(|()| hospital.device_of("doctor-a", Role::Clinician));
    let minute = |minutes: u64| later(60 * minutes);
    let statement = |by: &Device, of: &Device, at| hospital.says(by, &[of], at);
    // By a list: what it signed before, that list has taken up.
    let register = hospital.listed(&[], &[(&phone, Held, minute(5))]);
    for at in [minute(1), minute(9)] {
        let said = statement(&phone, &tablet, at);
        assert_eq!(hospital.judges(&register, &said), Err(HoldError::SignerOut));
        arm("mutant.hold_by_out");
        let taken = hospital.judges(&register, &said);
        disarm("mutant.hold_by_out");
        assert!(taken.is_ok(), "the guard taken away");
    }
    // Back again: what was signed until then may be a thief's.
    let register = hospital.listed(&[], &[(&phone, Held, minute(5))]);
    let mut back = register.clone();
    hospital.lists(&mut back, &[], &[(&phone, Reinstated, minute(20))]);
    for at in [minute(9), minute(20)] {
        let said = statement(&phone, &tablet, at);
        assert_eq!(hospital.judges(&back, &said), Err(HoldError::SignerOut));
        arm("mutant.hold_by_out");
        let taken = hospital.judges(&back, &said);
        disarm("mutant.hold_by_out");
        assert!(taken.is_ok(), "the guard taken away");
    }
    assert!(hospital.judges(&back, &statement(&phone, &tablet, minute(21))).is_ok(), "the control");
    // By a hold that is pending: from its time on.
    let mut register = hospital.listed(&[], &[]);
    let first = hospital.judges(&register, &statement(&laptop, &phone, minute(5))).unwrap();
    assert_eq!(register.hold(first), Ok(true));
    assert!(hospital.judges(&register, &statement(&phone, &tablet, minute(1))).is_ok(), "the control");
    let after = hospital.judges(&register, &statement(&phone, &tablet, minute(9)));
    assert_eq!(after, Err(HoldError::SignerOut));
}

#[test]
fn a_pending_hold_counts_like_a_lists_until_a_list_has_done_anything_to_the_device() {
    let hospital = Hospital::found(1);
    let [phone, tablet, laptop] = [(); 3].map(|()| hospital.device_of("doctor-a", Role::Clinician));
    let mut register = hospital.listed(&[], &[]);
    assert!(register.holds_digest().is_empty());
    let said = hospital.says(&phone, &[&tablet, &laptop], later(60));
    let pending = hospital.judges(&register, &said).unwrap();
    assert_eq!(register.hold(pending.clone()), Ok(true));
    assert_eq!(register.hold(pending.clone()), Ok(false), "once");
    let (device, reason) = (tablet.certificate.device(), RevocationReason::Lost);
    let until = later(60 + HOLD_SECONDS);
    let standing = register.standing(&device, later(DAY));
    assert_eq!(standing, Standing::Held { since: later(60), until, reason });
    let outlived = register.standing(&device, later(8 * DAY));
    assert_eq!(outlived, Standing::Revoked { since: until, reason }, "no list ever took it up");
    assert_eq!(register.last_act(&device).map(|act| act.kind), Some(Held));
    assert_eq!(register.listed_act(&device), None);
    assert_eq!(register.hold_of(&device), Some(&pending));
    assert_eq!(register.out(later(DAY)).count(), 2);
    assert_eq!(register.holds_digest().len(), Digest::LENGTH);

    // The next list begins with it; by the one after it the device may do what it could.
    let issuer = *hospital.issuer.certificate().fingerprint();
    let acts: Vec<RevocationAct> = register.taken_up(issuer).collect();
    assert_eq!(acts.len(), 2);
    assert!(acts.iter().all(|act| act.kind == Held && act.at == later(60) && act.issuer == issuer));
    let mut one_left = register.clone();
    hospital.lists(&mut one_left, &[], &[(&tablet, Held, later(60))]);
    assert_eq!(one_left.holds().len(), 1, "the laptop is in no list yet");
    assert!(one_left.hold_of(&laptop.certificate.device()).is_some());
    hospital.lists(&mut register, &[], &[(&tablet, Held, later(60)), (&laptop, Revoked, later(90))]);
    assert!(register.holds().is_empty() && register.holds_digest().is_empty());
    hospital.lists(&mut register, &[], &[(&tablet, Reinstated, later(120))]);
    assert_eq!(register.standing(&device, later(DAY)), Standing::InForce);

    // Who kept the statement puts it on hold no more, nor does one that was signed before the end of that.
    let again = |register: &mut RevocationRegister, at| {
        let said = hospital.says(&phone, &[&tablet], at);
        let pending = hospital.judges(register, &said).unwrap();
        register.hold(pending)
    };
    assert_eq!(register.clone().hold(pending), Err(HoldError::Over));
    assert_eq!(again(&mut register.clone(), later(120)), Err(HoldError::Over));
    arm("mutant.hold_again");
    let taken = again(&mut register.clone(), later(60));
    disarm("mutant.hold_again");
    assert_eq!(taken, Ok(true), "the guard taken away");
    assert_eq!(again(&mut register, later(121)), Ok(true), "lost again");
}

#[test]
fn of_two_holds_of_a_device_the_later_is_taken_up_so_that_neither_counts_again() {
    let hospital = Hospital::found(1);
    let [phone, tablet, laptop] = [(); 3].map(|()| hospital.device_of("doctor-a", Role::Clinician));
    let mut register = hospital.listed(&[], &[]);
    for (by, at) in [(&phone, 90), (&laptop, 60)] {
        let pending = hospital.judges(&register, &hospital.says(by, &[&tablet], later(at))).unwrap();
        assert_eq!(register.hold(pending), Ok(true));
    }
    let acts: Vec<_> = register.taken_up(Digest::of(b"an issuer")).map(|act| act.at).collect();
    assert_eq!(acts, [later(90)]);
}

#[test]
fn a_list_names_responders_in_order_and_keeps_them_when_it_is_signed_again() {
    let hospital = Hospital::found(1);
    let register = hospital.listed(&["night-a", "night-b"], &[]);
    let again = register.sign_again(&hospital.issuer, &hospital.organisation, later(60)).unwrap();
    let again = hospital.organisation.verify_revocation_list(&again, NOW).unwrap();
    assert_eq!(again.responders(), register.responders());
    assert_eq!(register.clone().adopt(again, &[]), Ok(Adoption::Refreshed));
    // The same number with others is another list.
    let other = hospital.listed(&["night-a"], &[]);
    assert_eq!(
        register.clone().adopt(other.list().unwrap().clone(), &[]),
        Err(RevocationError::Fork { current: 1 })
    );
    for users in [&["b", "a"][..], &["a", "a"], &["No User"], &["a"; 101]] {
        let mut list: pb::RevocationList =
            prost::Message::decode(register.list().unwrap().statement().body.clone()).unwrap();
        list.responders = users.iter().map(ToString::to_string).collect();
        let signed = hospital.issuer.sign(StatementLabel::RevocationList, &list);
        let refused = hospital.organisation.verify_revocation_list(&signed, NOW);
        assert_eq!(refused, Err(RevocationError::Field { field: "responders" }), "{users:?}");
    }
}
