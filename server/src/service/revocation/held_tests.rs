//! What the relay does with holds that devices sign: whose it takes, what stands from the answer on, and what the next list has to
//! contain.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use wardline_identity::{
    DateCheck, DeviceCertificate, HoldAnswer, HoldStatement, PendingHold, RevocationAct, RevocationKind,
    RevocationReason, RevocationRegister, Role, StatementLabel, UserId, sign_statement,
};
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::relay::revocation_service_server::RevocationService as _;
use wardline_proto::relay::{self as pb, SignedStatement};
use wardline_proto::{DeviceId, UtcMillis};

use super::tests::Office;
use crate::domain::revocation::PENDING_MAX;
use crate::founded::{Installation, reason};
use crate::store::Store;
use crate::transport::{Admission as _, Refusal, enter_for_tests};

use RevocationKind::{Held, Reinstated, Revoked};

impl Office {
    fn certificate(&self, of: &Installation) -> DeviceCertificate {
        self.founded.organisation().verify_device(&of.certificate, DateCheck::Skip).unwrap()
    }

    pub(super) fn says(&self, by: &Installation, of: &[DeviceId], at: UtcMillis) -> SignedStatement {
        let mut devices = of.to_vec();
        devices.sort_unstable();
        let said = HoldStatement {
            organisation: self.founded.organisation().id().clone(),
            devices,
            reason: RevocationReason::Lost,
            signed_at: at,
        };
        said.sign(&by.key, &self.certificate(by))
    }

    /// Hands a statement in; its answer is checked as a client does.
    pub(super) async fn hands_in(
        &self,
        by: &Installation,
        statement: &SignedStatement,
    ) -> Result<HoldAnswer, Status> {
        let request = pb::HoldDevicesRequest { statement: Some(statement.clone()) };
        let response = self.calls.hold_devices(self.from(by, request)).await?.into_inner();
        let organisation = self.founded.organisation();
        Ok(HoldAnswer::verify(&organisation, statement, &response, DateCheck::Skip).unwrap())
    }

    pub(super) async fn holds(&self, by: &Installation, of: &[&Installation]) -> Result<HoldAnswer, Status> {
        let of: Vec<DeviceId> = of.iter().map(|one| one.device).collect();
        self.hands_in(by, &self.says(by, &of, self.founded.clock_now())).await
    }

    fn act(&self, device: DeviceId, kind: RevocationKind, at: UtcMillis) -> RevocationAct {
        let issuer = *self.founded.issuer.certificate().fingerprint();
        RevocationAct { device, kind, reason: RevocationReason::Lost, at, issuer }
    }

    /// Publishes the next list of a register, and takes it in there.
    pub(super) async fn publishes(
        &self,
        register: &mut RevocationRegister,
        responders: &[&str],
        acts: &[RevocationAct],
    ) -> Result<(), Status> {
        self.publishes_signed_at(self.founded.clock_now(), register, responders, acts).await
    }

    pub(super) async fn publishes_signed_at(
        &self,
        now: UtcMillis,
        register: &mut RevocationRegister,
        responders: &[&str],
        acts: &[RevocationAct],
    ) -> Result<(), Status> {
        let organisation = self.founded.organisation();
        let responders: Vec<UserId> = responders.iter().map(|user| UserId::parse(user).unwrap()).collect();
        let next = (acts, responders.as_slice());
        let signed = register.sign_next_with(&self.founded.issuer, &organisation, next, now).unwrap();
        let list = organisation.verify_revocation_list(&signed, DateCheck::Skip).unwrap();
        let wire = acts.iter().map(RevocationAct::to_wire).collect();
        let request = pb::PublishRevocationListRequest { list: Some(signed), acts: wire };
        self.calls.publish_revocation_list(self.from(&self.founded.founder, request)).await?;
        register.adopt(list, acts).unwrap();
        Ok(())
    }

    pub(super) fn register(&self) -> RevocationRegister {
        RevocationRegister::new(self.founded.organisation().id())
    }

    pub(super) async fn pending(&self) -> Vec<pb::PendingHold> {
        let request = self.from(&self.founded.founder, pb::GetRevocationListRequest::default());
        self.calls.get_revocation_list(request).await.unwrap().into_inner().holds
    }
}

fn refused_for(outcome: Result<HoldAnswer, Status>) -> String {
    reason(&outcome.expect_err("refused"))
}

#[tokio::test]
async fn from_the_answer_on_the_device_is_out_and_everybody_can_check_why() {
    let office = Office::open().await;
    let phone = office.join("doctor-a", Role::Clinician).await;
    let tablet = office.join("doctor-a", Role::Clinician).await;
    let (_connected, lost) = enter_for_tests(&office.relay.connections, tablet.device);
    let now = office.founded.clock_now();
    let answer = office.holds(&phone, &[&tablet]).await.unwrap();
    assert_eq!((answer.in_force_at(), answer.devices()[0].kind, answer.devices()[0].since), (now, Held, now));
    assert!(lost.is_cancelled(), "its connections end");
    let refused = Refusal::DeviceRevoked { reason: RevocationReason::Lost, since: now };
    let chain = [rustls::pki_types::CertificateDer::from(tablet.certificate.clone())];
    assert_eq!(office.relay.devices.admit(&chain).unwrap_err(), refused);
    let called = office.list(&tablet, "").await.unwrap_err();
    assert_eq!(reason(&called), "DEVICE_REVOKED");
    // A call that began before, and one that writes.
    let back = office.holds(&tablet, &[&phone]).await;
    assert_eq!(refused_for(back), "DEVICE_REVOKED");

    // What proves it is handed out, and stands after a restart.
    let pending = office.pending().await;
    let verified =
        PendingHold::verify(&office.founded.organisation(), &office.register(), &pending[0]).unwrap();
    assert_eq!(verified.said().devices, [tablet.device]);
    let digest = office.relay.revocations.holds_digest();
    let again =
        office.founded.relay_over(Store::open(&office.founded.data().database()).await.unwrap()).await;
    assert!(again.revocations.standing(&tablet.device).is_out());
    assert_eq!(again.revocations.holds_digest(), digest);
}

#[tokio::test]
async fn the_same_statement_gets_the_same_answer_and_who_is_out_before_stays_as_they_are() {
    let office = Office::open().await;
    let [phone, tablet, laptop] = [
        office.join("doctor-a", Role::Clinician).await,
        office.join("doctor-a", Role::Clinician).await,
        office.join("doctor-a", Role::Clinician).await,
    ];
    let now = office.founded.clock_now();
    let said = office.says(&phone, &[tablet.device], now);
    let first = office.hands_in(&phone, &said).await.unwrap();
    office.founded.clock.advance_seconds(60);
    assert_eq!(office.hands_in(&phone, &said).await.unwrap(), first);
    let later = office.founded.clock_now();
    let both = office.holds(&phone, &[&tablet, &laptop]).await.unwrap();
    let since = |device: DeviceId| both.devices().iter().find(|one| one.device == device).unwrap().since;
    assert_eq!((since(tablet.device), since(laptop.device)), (now, later));
    // One that is out altogether changes nothing.
    office.holds(&phone, &[&tablet]).await.unwrap();
    assert_eq!(office.pending().await.len(), 2);
}

#[tokio::test]
async fn nobody_holds_whom_they_may_not() {
    let office = Office::open().await;
    let [phone, tablet] =
        [office.join("doctor-a", Role::Clinician).await, office.join("doctor-a", Role::Clinician).await];
    let nurse = office.join("nurse-a", Role::Clinician).await;
    let night = office.join("night-desk", Role::Clinician).await;
    let founder = &office.founded.founder;
    let mut register = office.register();
    office.publishes(&mut register, &["night-desk"], &[]).await.unwrap();
    for (by, of) in [(&nurse, &tablet), (&night, founder), (founder, &tablet), (&phone, &phone)] {
        assert_eq!(refused_for(office.holds(by, &[of]).await), "HOLD_REFUSED");
    }
    let nobodys = office.says(&phone, &[DeviceId::from_bytes([9; 16])], office.founded.clock_now());
    assert_eq!(refused_for(office.hands_in(&phone, &nobodys).await), "HOLD_REFUSED");
    // Another's statement, a forged one, one of another day, and none.
    let said = office.says(&phone, &[tablet.device], office.founded.clock_now());
    assert_eq!(refused_for(office.hands_in(&nurse, &said).await), "STATEMENT_INVALID");
    let body: pb::HoldStatement = prost::Message::decode(said.body.clone()).unwrap();
    let forged = sign_statement(&nurse.key, StatementLabel::Hold, &body, Some(&phone.certificate));
    assert_eq!(refused_for(office.hands_in(&phone, &forged).await), "STATEMENT_INVALID");
    let now = office.founded.clock_now();
    for at in [now.plus_seconds(2 * 86_400), UtcMillis::new(now.get() - 2 * 86_400_000)] {
        let other = office.says(&phone, &[tablet.device], at);
        assert_eq!(refused_for(office.hands_in(&phone, &other).await), "FIELD_INVALID");
    }
    assert!(office.pending().await.is_empty() && !office.relay.revocations.standing(&tablet.device).is_out());
    // One whom the list names no more.
    let mut other = register.clone();
    office.publishes(&mut other, &[], &[]).await.unwrap();
    assert_eq!(refused_for(office.holds(&night, &[&tablet]).await), "HOLD_REFUSED");
    office.publishes(&mut other, &["night-desk"], &[]).await.unwrap();
    office.holds(&night, &[&tablet]).await.expect("the control: a responder");
    // Each guard taken away.
    for (guard, by, of) in [
        ("mutant.hold_by_anybody", &nurse, &phone),
        ("mutant.hold_of_issuers", &night, founder),
        ("relay.any_hold", &nurse, &night),
    ] {
        arm(guard);
        let taken = office.holds(by, &[of]).await;
        disarm(guard);
        assert!(taken.is_ok(), "{guard}: {taken:?}");
    }
}

#[tokio::test]
async fn a_responder_puts_forty_devices_of_others_on_hold_an_hour_and_her_own_besides() {
    let office = Office::open().await;
    let night = office.join("night-desk", Role::Clinician).await;
    let own = office.join("night-desk", Role::Clinician).await;
    let mut register = office.register();
    office.publishes(&mut register, &["night-desk"], &[]).await.unwrap();
    let mut others = Vec::new();
    for number in 0..42 {
        others.push(office.join(&format!("user-{number}"), Role::Clinician).await);
    }
    for twenty in others[..40].chunks(20) {
        office.holds(&night, &twenty.iter().collect::<Vec<_>>()).await.unwrap();
    }
    let refused = office.holds(&night, &[&others[40]]).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "LIMIT_REACHED"));
    let retry = refused.get_error_details().retry_info().and_then(|info| info.retry_delay);
    assert!(retry.is_some_and(|delay| delay <= Duration::from_secs(3_600)), "{retry:?}");
    office.holds(&night, &[&own]).await.expect("her own");
    arm("mutant.hold_unlimited");
    let taken = office.holds(&night, &[&others[40]]).await;
    disarm("mutant.hold_unlimited");
    assert!(taken.is_ok(), "the guard taken away");
    office.founded.clock.advance_seconds(3_601);
    office.holds(&night, &[&others[41]]).await.expect("the control: an hour later");
}

#[tokio::test]
async fn no_more_are_pending_than_one_list_can_name() {
    let office = Office::open().await;
    let night = office.join("night-desk", Role::Clinician).await;
    let mut register = office.register();
    office.publishes(&mut register, &["night-desk"], &[]).await.unwrap();
    let mut others = Vec::new();
    for number in 0..PENDING_MAX + 2 {
        others.push(office.join(&format!("user-{number}"), Role::Clinician).await);
    }
    arm("mutant.hold_unlimited");
    let mut taken = Vec::new();
    for twenty in others.chunks(20) {
        taken.push(office.holds(&night, &twenty.iter().collect::<Vec<_>>()).await.is_ok());
    }
    let first = &others[PENDING_MAX];
    arm("mutant.holds_unbounded");
    let beyond = office.holds(&night, &[first]).await;
    disarm("mutant.holds_unbounded");
    disarm("mutant.hold_unlimited");
    assert!(beyond.is_ok(), "the guard taken away");
    assert_eq!((taken.iter().filter(|taken| **taken).count(), taken.last()), (45, Some(&false)));
    // One list takes them all up.
    for wire in office.pending().await {
        register.hold(PendingHold::stored(wire).unwrap()).unwrap();
    }
    let issuer = *office.founded.issuer.certificate().fingerprint();
    let acts: Vec<RevocationAct> = register.taken_up(issuer).collect();
    assert_eq!(acts.len(), PENDING_MAX + 1);
    office.publishes(&mut register, &["night-desk"], &acts).await.unwrap();
    office.founded.clock.advance_seconds(3_601);
    office.holds(&night, &[&others[PENDING_MAX + 1]]).await.expect("the control: then there is room again");
}

#[tokio::test]
async fn the_next_list_names_whom_a_statement_has_put_on_hold_or_is_refused() {
    let office = Office::open().await;
    let [phone, tablet] =
        [office.join("doctor-a", Role::Clinician).await, office.join("doctor-a", Role::Clinician).await];
    let mut register = office.register();
    office.publishes(&mut register, &[], &[]).await.unwrap();
    let now = office.founded.clock_now();
    let said = office.says(&phone, &[tablet.device], now);
    office.hands_in(&phone, &said).await.unwrap();
    let before = UtcMillis::new(now.get() - 1);
    for acts in
        [vec![], vec![office.act(tablet.device, Held, before)], vec![office.act(phone.device, Held, now)]]
    {
        let refused = office.publishes(&mut register.clone(), &[], &acts).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Aborted, "HOLDS_PENDING"));
    }
    assert_eq!(
        (office.relay.revocations.number(), office.pending().await.len()),
        (1, 1),
        "nothing is stored"
    );
    arm("mutant.list_drops_hold");
    let dropped = office.publishes(&mut register.clone(), &[], &[]).await;
    disarm("mutant.list_drops_hold");
    assert!(dropped.is_ok(), "the guard taken away");

    let office = Office::open().await;
    let [phone, tablet] =
        [office.join("doctor-a", Role::Clinician).await, office.join("doctor-a", Role::Clinician).await];
    let mut register = office.register();
    let said = office.says(&phone, &[tablet.device], now);
    office.hands_in(&phone, &said).await.expect("before the first list too");
    office.publishes(&mut register, &[], &[office.act(tablet.device, Held, now)]).await.unwrap();
    assert!(office.pending().await.is_empty());
    assert!(office.relay.revocations.standing(&tablet.device).is_out());
    // It ends by an issuer, and who kept the statement puts it on no more.
    office.founded.clock.advance_seconds(60);
    let at = office.founded.clock_now();
    office.publishes(&mut register, &[], &[office.act(tablet.device, Reinstated, at)]).await.unwrap();
    assert!(!office.relay.revocations.standing(&tablet.device).is_out());
    assert_eq!(refused_for(office.hands_in(&phone, &said).await), "HOLD_REFUSED");
    assert!(!office.relay.revocations.standing(&tablet.device).is_out());
    office.founded.clock.advance_seconds(60);
    office.holds(&phone, &[&tablet]).await.expect("the control: lost again");
    let at = office.founded.clock_now();
    office
        .publishes(&mut register, &[], &[office.act(tablet.device, Revoked, at)])
        .await
        .expect("or revokes it");
}

/// A relay that came back from an older copy takes a hold, and then is shown a list that was in force before it came back.
async fn comes_back_and_takes_a_hold(guard: &'static str) -> Result<(), String> {
    let office = Office::open().await;
    let [phone, tablet] =
        [office.join("doctor-a", Role::Clinician).await, office.join("doctor-a", Role::Clinician).await];
    let mut register = office.register();
    office.publishes(&mut register, &[], &[]).await.unwrap();
    let lost = office.founded.clock_now();
    office.founded.clock.advance_seconds(60);
    let at = office.founded.clock_now();
    office.holds(&phone, &[&tablet]).await.unwrap();
    arm(guard);
    let shown = office.publishes_signed_at(lost, &mut register, &["night-desk"], &[]).await;
    disarm(guard);
    shown.map_err(|refused| reason(&refused))?;
    // What is pending stays so, and the next list has to name it.
    assert_eq!(office.pending().await.len(), 1);
    assert!(office.relay.revocations.standing(&tablet.device).is_out());
    let refused = office.publishes_signed_at(at, &mut register.clone(), &[], &[]).await.unwrap_err();
    assert_eq!(reason(&refused), "HOLDS_PENDING", "the control");
    office.publishes(&mut register, &[], &[office.act(tablet.device, Held, at)]).await.unwrap();
    assert!(office.pending().await.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_list_that_was_signed_before_a_hold_was_taken_need_not_name_it() {
    assert_eq!(comes_back_and_takes_a_hold("").await, Ok(()));
    let refused = comes_back_and_takes_a_hold("mutant.due_before_taken").await;
    assert_eq!(refused, Err("HOLDS_PENDING".to_owned()), "the guard taken away");
}

#[tokio::test]
async fn a_responder_is_shown_whose_devices_there_are_and_nothing_else_of_them() {
    let office = Office::open().await;
    let night = office.join("night-desk", Role::Clinician).await;
    let phone = office.join("doctor-a", Role::Clinician).await;
    let (_connected, _) = enter_for_tests(&office.relay.connections, phone.device);
    assert_eq!(reason(&office.list(&night, "doctor-a").await.unwrap_err()), "ROLE_REQUIRED", "not yet");
    let mut register = office.register();
    office.publishes(&mut register, &["night-desk"], &[]).await.unwrap();
    let shown = office.list(&night, "doctor-a").await.unwrap().devices;
    let nothing_else =
        pb::ListedDevice { certificate: phone.certificate.clone().into(), ..Default::default() };
    assert_eq!(shown, [nothing_else]);
    let removals = pb::GetRemovalsRequest { device_id: phone.device.to_wire() };
    let refused = office.calls.get_removals(office.from(&night, removals)).await.unwrap_err();
    assert_eq!(reason(&refused), "ROLE_REQUIRED");
}

#[tokio::test]
async fn a_hold_that_no_list_takes_up_ends_as_a_revocation() {
    let office = Office::open().await;
    let [phone, tablet] =
        [office.join("doctor-a", Role::Clinician).await, office.join("doctor-a", Role::Clinician).await];
    office.holds(&phone, &[&tablet]).await.unwrap();
    let run_out = async |relay: &Arc<crate::state::Relay>| {
        let now = relay.clock.now();
        let write = relay.store.write("run_out", move |tx| {
            Box::pin(async move { crate::domain::revocation::run_out(tx, now).await })
        });
        let ended: Result<_, crate::store::StoreError> = write.await;
        ended.unwrap().devices
    };
    assert!(run_out(&office.relay).await.is_empty(), "not yet");
    office.founded.clock.advance_seconds(8 * 86_400);
    assert_eq!(run_out(&office.relay).await, [tablet.device]);
    assert!(run_out(&office.relay).await.is_empty(), "once");
    assert!(office.relay.revocations.standing(&tablet.device).is_out());
}

#[tokio::test]
async fn what_a_list_has_named_long_ago_is_not_kept_and_what_keeps_somebody_out_is() {
    let office = Office::open().await;
    let [phone, tablet, laptop] = [
        office.join("doctor-a", Role::Clinician).await,
        office.join("doctor-a", Role::Clinician).await,
        office.join("doctor-a", Role::Clinician).await,
    ];
    office.holds(&phone, &[&tablet]).await.unwrap();
    let store = &office.relay.store;
    let kept = async || {
        let read = store.write("kept", |tx| Box::pin(async move { tx.count_holds_for_tests().await }));
        read.await.map_err(|error: crate::store::StoreError| error).unwrap()
    };
    let mut register = office.register();
    let wire = office.pending().await.remove(0);
    register.hold(PendingHold::stored(wire).unwrap()).unwrap();
    let acts: Vec<RevocationAct> = register.taken_up(wardline_proto::Digest::of(b"an issuer")).collect();
    office.publishes(&mut register, &[], &acts).await.unwrap();
    office.holds(&phone, &[&laptop]).await.unwrap();
    assert_eq!(kept().await, 2);
    for (days, left) in [(89, 2), (91, 1)] {
        let now = office.founded.clock_now().plus_seconds(days * 86_400);
        crate::jobs::sweep::run_once(store, now).await.unwrap();
        assert_eq!(kept().await, left, "{days}");
    }
}
