//! Claims about the relay's half of opening a vault: what counts, what is forgiven, what is destroyed. Each guard has its control, and is
//! taken away to show the attack.

use std::sync::Arc;

use tonic::Status;
use wardline_identity::{
    Blinding, DateCheck, Evaluated, RecordAct, RecordEntry, RevocationKind, SigningKey, SystemEntropy,
    UnlockConfirmation, UnlockTry,
};
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::relay::record_service_server::RecordService as _;
use wardline_proto::relay::revocation_service_server::RevocationService as _;
use wardline_proto::relay::unlock_service_server::UnlockService as _;
use wardline_proto::relay::{
    ConfirmUnlockRequest, EvaluateRequest, EvaluateResponse, GetRecordRequest, MakePairRequest,
};
use wardline_proto::{PairId, TryId, UtcMillis};

use super::Unlocking;
use crate::domain::unlock::UnlockView as _;
use crate::founded::{Founded, Installation, from_device, from_stranger, greeting, reason};
use crate::service::record::Record;
use crate::service::revocation::Revocation;
use crate::state::Relay;

const PAIR: PairId = PairId::from_bytes([1; 16]);
/// The exporter of a stranger's connection.
const EXPORTER: [u8; 32] = [5; 32];
/// Longer than any pause between tries.
const LONG: u64 = 3_601;

/// A phone with a pair, and whoever has its unlock key.
struct Scene {
    founded: Founded,
    relay: Arc<Relay>,
    calls: Unlocking,
    phone: Installation,
    unlock_key: SigningKey,
    public: [u8; 32],
}

impl Scene {
    async fn set() -> Self {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let phone = founded.certify_later("doctor-a");
        founded.know(&relay, &phone).await;
        let calls = Unlocking::new(Arc::clone(&relay));
        let unlock_key = SigningKey::from_seed([3; 32]);
        let mut scene = Self { founded, relay, calls, phone, unlock_key, public: [0; 32] };
        scene.public = scene.makes(PAIR).await.unwrap();
        scene
    }

    async fn makes(&self, pair: PairId) -> Result<[u8; 32], Status> {
        let unlock_key = self.unlock_key.public().as_bytes().to_vec().into();
        let request = MakePairRequest { pair_id: pair.to_wire(), unlock_key };
        let made = self.calls.make_pair(from_device(request, &self.founded, &self.phone)).await?;
        Ok(made.into_inner().public_key.as_ref().try_into().unwrap())
    }

    /// One try; what the relay answers.
    async fn tries(&self, id: u8, passcode: &Blinding) -> Result<EvaluateResponse, Status> {
        self.tries_with(&self.unlock_key, id, passcode).await
    }

    async fn tries_with(
        &self,
        key: &SigningKey,
        id: u8,
        passcode: &Blinding,
    ) -> Result<EvaluateResponse, Status> {
        let tried = UnlockTry { pair: PAIR, id: TryId::from_bytes([id; 16]), blinded: *passcode.blinded() };
        let request = EvaluateRequest { r#try: Some(tried.sign(key, &EXPORTER)), greeting: greeting() };
        Ok(self.calls.evaluate(from_stranger(request, EXPORTER)).await?.into_inner())
    }

    /// A try a long time after the last.
    async fn patient(&self, id: u8) -> Result<EvaluateResponse, Status> {
        self.founded.clock.advance_seconds(LONG);
        self.tries(id, &blinded(&[id])).await
    }

    async fn confirms(&self, id: u8, generation: u64) -> Result<(), Status> {
        self.confirms_as(&self.phone, PAIR, id, generation).await
    }

    /// By a device that has opened the vault, or says so.
    async fn confirms_as(
        &self,
        by: &Installation,
        pair: PairId,
        id: u8,
        generation: u64,
    ) -> Result<(), Status> {
        let certificate =
            self.founded.organisation().verify_device(&by.certificate, DateCheck::Skip).unwrap();
        let said = UnlockConfirmation { pair, by: TryId::from_bytes([id; 16]), generation };
        let confirmation = Some(said.sign((&by.key, &certificate), &EXPORTER));
        let request =
            from_stranger(ConfirmUnlockRequest { confirmation, period_ends_ms: Vec::new() }, EXPORTER);
        self.calls.confirm_unlock(request).await.map(|_| ())
    }
}

fn blinded(passcode: &[u8]) -> Blinding {
    Blinding::of(passcode, &SystemEntropy).unwrap()
}

fn evaluated(answer: &EvaluateResponse) -> Evaluated {
    Evaluated {
        element: answer.evaluated.as_ref().try_into().unwrap(),
        proof: answer.proof.as_ref().try_into().unwrap(),
    }
}

#[tokio::test]
async fn the_same_passcode_gives_the_same_key_and_the_relay_proves_it() {
    let scene = Scene::set().await;
    let mut outputs = Vec::new();
    for (id, passcode) in [(1, b"right"), (2, b"right"), (3, b"wrong")] {
        let blinding = blinded(passcode);
        let answer = scene.tries(id, &blinding).await.unwrap();
        assert_eq!(answer.tries_left, 10 - u32::from(id));
        outputs.push(blinding.finish(passcode, &evaluated(&answer), &scene.public).unwrap());
    }
    assert_eq!(outputs[0], outputs[1]);
    assert_ne!(outputs[0], outputs[2]);
    assert_eq!(scene.makes(PAIR).await.unwrap(), scene.public, "made again, it is the same");
}

#[tokio::test]
async fn eleven_tries_destroy_the_pair_whatever_they_were() {
    let scene = Scene::set().await;
    for id in 1..=10 {
        assert_eq!(scene.patient(id).await.unwrap().tries_left, 10 - u32::from(id));
    }
    assert_eq!(reason(&scene.patient(11).await.unwrap_err()), "VAULT_CLOSED");
    assert_eq!(reason(&scene.patient(10).await.unwrap_err()), "VAULT_CLOSED", "for ever");
    assert_eq!(reason(&scene.makes(PAIR).await.unwrap_err()), "VAULT_CLOSED");
    // The guard taken away.
    for guard in ["mutant.tries_unbounded", "mutant.tries_uncounted"] {
        let scene = Scene::set().await;
        arm(guard);
        for id in 1..=30 {
            assert!(scene.patient(id).await.is_ok(), "{guard}");
        }
        disarm(guard);
    }
}

/// What the record says of tries: how many counted, and whether that closed the vault.
async fn told(scene: &Scene) -> Vec<(u32, bool)> {
    let calls = Record::new(Arc::clone(&scene.relay));
    let request = GetRecordRequest { from: 0, ..GetRecordRequest::default() };
    let page = calls.get_record(from_device(request, &scene.founded, &scene.founded.founder)).await;
    let acts =
        page.unwrap().into_inner().entries.into_iter().map(|one| RecordEntry::read(&one.entry).unwrap().act);
    let tried = acts.filter_map(|act| match act {
        RecordAct::VaultTried { device, tries, closed } => {
            assert_eq!(device, scene.phone.device);
            Some((tries, closed))
        }
        _ => None,
    });
    tried.collect()
}

/// P8: administrators hear of it from the fifth on, and that it is closed.
#[tokio::test]
async fn tries_are_on_the_record_from_the_fifth_on() {
    let scene = Scene::set().await;
    for id in 1..=11 {
        drop(scene.patient(id).await);
    }
    let mut expected: Vec<_> = (5..=10).map(|tries| (tries, false)).collect();
    expected.push((10, true));
    assert_eq!(told(&scene).await, expected);
    let scene = Scene::set().await;
    arm("mutant.tries_untold");
    for id in 1..=11 {
        drop(scene.patient(id).await);
    }
    disarm("mutant.tries_untold");
    assert!(told(&scene).await.is_empty(), "the guard taken away");
}

/// How many of so many guesses at once were answered.
async fn answered_of(scene: &Scene, guesses: u16) -> usize {
    let guess = async |number: u16| {
        let [high, low] = number.to_be_bytes();
        let mut id = [0; 16];
        id[..2].copy_from_slice(&[high, low]);
        let tried =
            UnlockTry { pair: PAIR, id: TryId::from_bytes(id), blinded: *blinded(&[high, low]).blinded() };
        let request =
            EvaluateRequest { r#try: Some(tried.sign(&scene.unlock_key, &EXPORTER)), greeting: greeting() };
        scene.calls.evaluate(from_stranger(request, EXPORTER)).await.is_ok()
    };
    let guesses = futures::future::join_all((0..guesses).map(guess)).await;
    guesses.into_iter().filter(|answered| *answered).count()
}

/// P6: a thousand at once get no more than one after the other.
#[tokio::test]
async fn a_thousand_guesses_at_once_get_no_more_than_the_limit() {
    assert_eq!(answered_of(&Scene::set().await, 1_000).await, 3, "the fourth waits");
    arm("mutant.tries_unspaced");
    assert_eq!(
        answered_of(&Scene::set().await, 1_000).await,
        10,
        "and without the pauses the eleventh closes it"
    );
    arm("mutant.tries_unbounded");
    // A device has so many writes under way at most, whatever they are.
    assert!(answered_of(&Scene::set().await, 1_000).await > 10, "the guards taken away");
    disarm("mutant.tries_unbounded");
    disarm("mutant.tries_unspaced");
}

/// How often somebody who asks every half minute is told to wait, after the relay's clock was a day ahead for a moment.
async fn waits_after_a_leap() -> usize {
    let scene = Scene::set().await;
    scene.founded.clock.advance_seconds(86_400);
    for id in 1..=3 {
        scene.tries(id, &blinded(&[id])).await.unwrap();
    }
    scene.founded.clock.set(UtcMillis::new(scene.founded.clock_now().get() - 86_400_000));
    let mut waits = 0;
    while waits < 10 && scene.tries(4, &blinded(b"4")).await.is_err() {
        waits += 1;
        scene.founded.clock.advance_seconds(30);
    }
    waits
}

#[tokio::test]
async fn a_clock_that_was_ahead_makes_nobody_wait_for_longer_than_the_pause() {
    assert_eq!(waits_after_a_leap().await, 1);
    arm("mutant.waits_for_the_clock");
    assert_eq!(waits_after_a_leap().await, 10, "the guard taken away");
    disarm("mutant.waits_for_the_clock");
}

/// A device whose certificate has lapsed opens its vault, to have it renewed; its old pair goes only with one that is its own.
#[tokio::test]
async fn a_device_whose_certificate_has_lapsed_has_its_tries_forgiven() {
    let scene = Scene::set().await;
    scene.founded.clock.advance_seconds(200 * 86_400);
    scene.tries(1, &blinded(b"1")).await.unwrap();
    scene.confirms(1, 1).await.unwrap();
    assert_eq!(scene.tries(2, &blinded(b"2")).await.unwrap().tries_left, 9);
}

#[tokio::test]
async fn tries_are_spaced_from_the_fourth_and_one_too_soon_does_not_count() {
    let scene = Scene::set().await;
    for id in 1..=3 {
        assert!(scene.tries(id, &blinded(&[id])).await.is_ok());
    }
    let refused = scene.tries(4, &blinded(b"4")).await.unwrap_err();
    assert_eq!(reason(&refused), "UNLOCK_SPACED");
    let details = tonic_types::StatusExt::get_error_details(&refused);
    assert_eq!(details.retry_info().unwrap().retry_delay.unwrap().as_secs(), 30);
    scene.founded.clock.advance_seconds(30);
    assert_eq!(scene.tries(4, &blinded(b"4")).await.unwrap().tries_left, 6);
    arm("mutant.tries_unspaced");
    assert!(scene.tries(5, &blinded(b"5")).await.is_ok(), "the guard taken away");
    disarm("mutant.tries_unspaced");
}

#[tokio::test]
async fn the_same_try_again_is_answered_and_does_not_count() {
    let scene = Scene::set().await;
    let blinding = blinded(b"right");
    for _ in 0..50 {
        assert_eq!(scene.tries(1, &blinding).await.unwrap().tries_left, 9);
    }
    assert_eq!(scene.tries(1, &blinded(b"other")).await.unwrap().tries_left, 8, "another under its id");
}

#[tokio::test]
async fn fifty_right_tries_in_a_row_never_count() {
    let scene = Scene::set().await;
    for id in 1..=50 {
        assert_eq!(scene.tries(id, &blinded(b"right")).await.unwrap().tries_left, 9, "{id}");
        scene.confirms(id, id.into()).await.unwrap();
        scene.confirms(id, id.into()).await.unwrap();
    }
}

#[tokio::test]
async fn only_the_device_itself_has_tries_forgiven_and_only_by_its_last() {
    let scene = Scene::set().await;
    scene.tries(1, &blinded(b"1")).await.unwrap();
    scene.tries(2, &blinded(b"2")).await.unwrap();
    assert_eq!(reason(&scene.confirms(1, 1).await.unwrap_err()), "PAIR_UNKNOWN");
    let stranger = scene.founded.certify_later("nurse-b");
    scene.founded.know(&scene.relay, &stranger).await;
    let refused = scene.confirms_as(&stranger, PAIR, 2, 1).await.unwrap_err();
    assert_eq!(reason(&refused), "PAIR_UNKNOWN", "another device");
    arm("mutant.any_try_confirms");
    assert!(scene.confirms(1, 1).await.is_ok(), "the guard taken away");
    disarm("mutant.any_try_confirms");
}

#[tokio::test]
async fn an_older_copy_of_a_vault_is_told_so() {
    let scene = Scene::set().await;
    scene.tries(1, &blinded(b"1")).await.unwrap();
    scene.confirms(1, 7).await.unwrap();
    scene.tries(2, &blinded(b"2")).await.unwrap();
    let older = scene.confirms(2, 7).await.unwrap_err();
    assert_eq!(reason(&older), "VAULT_OLDER");
    arm("mutant.older_vaults");
    assert!(scene.confirms(2, 7).await.is_ok(), "the guard taken away");
    disarm("mutant.older_vaults");
    scene.tries(3, &blinded(b"3")).await.unwrap();
    scene.confirms(3, 8).await.unwrap();
}

#[tokio::test]
async fn a_new_pair_goes_with_the_old_one_until_the_vault_is_opened_with_it() {
    let scene = Scene::set().await;
    scene.tries(1, &blinded(b"1")).await.unwrap();
    scene.confirms(1, 1).await.unwrap();
    let next = PairId::from_bytes([2; 16]);
    let second = scene.makes(next).await.unwrap();
    assert_ne!(second, scene.public);
    assert!(scene.tries(2, &blinded(b"2")).await.is_ok(), "the old one still opens");
    // One that was made and never opened with is no third.
    scene.makes(PairId::from_bytes([3; 16])).await.unwrap();
    scene.makes(next).await.unwrap();
    let unlock =
        UnlockTry { pair: next, id: TryId::from_bytes([9; 16]), blinded: *blinded(b"new").blinded() };
    let request =
        EvaluateRequest { r#try: Some(unlock.sign(&scene.unlock_key, &EXPORTER)), greeting: greeting() };
    scene.calls.evaluate(from_stranger(request, EXPORTER)).await.unwrap();
    scene.confirms_as(&scene.phone, next, 9, 2).await.unwrap();
    assert_eq!(
        reason(&scene.tries(4, &blinded(b"4")).await.unwrap_err()),
        "PAIR_UNKNOWN",
        "the old one is gone"
    );
}

#[tokio::test]
async fn nobody_tries_without_the_unlock_key_or_on_another_connection() {
    let scene = Scene::set().await;
    let stranger = SigningKey::from_seed([4; 32]);
    let forged = scene.tries_with(&stranger, 1, &blinded(b"1")).await.unwrap_err();
    assert_eq!(reason(&forged), "STATEMENT_INVALID");
    let tried = UnlockTry { pair: PAIR, id: TryId::from_bytes([1; 16]), blinded: *blinded(b"1").blinded() };
    let stolen =
        EvaluateRequest { r#try: Some(tried.sign(&scene.unlock_key, &[6; 32])), greeting: greeting() };
    let refused = scene.calls.evaluate(from_stranger(stolen, EXPORTER)).await.unwrap_err();
    assert_eq!(reason(&refused), "STATEMENT_INVALID");
    assert_eq!(scene.tries(2, &blinded(b"2")).await.unwrap().tries_left, 9, "neither counted");
}

/// What the relay answers to two tries after the phone was put out: by its pair, and by what is kept of pairs.
async fn after(kind: RevocationKind) -> (String, bool) {
    let scene = Scene::set().await;
    scene.tries(1, &blinded(b"1")).await.unwrap();
    let revocation = Revocation::new(Arc::clone(&scene.relay));
    let list = scene.founded.first_list(scene.phone.device, kind);
    let list = from_device(list, &scene.founded, &scene.founded.founder);
    revocation.publish_revocation_list(list).await.unwrap();
    let answer = reason(&scene.tries(2, &blinded(b"2")).await.unwrap_err());
    let held = scene.relay.store.read("pair", |tx| Box::pin(async move { tx.pair(PAIR).await }));
    (answer, held.await.unwrap().is_some())
}

#[tokio::test]
async fn a_revoked_device_has_no_pair_any_more_and_one_on_hold_waits() {
    assert_eq!(after(RevocationKind::Held).await, ("DEVICE_REVOKED".to_owned(), true));
    assert_eq!(after(RevocationKind::Revoked).await, ("DEVICE_REVOKED".to_owned(), false));
}
