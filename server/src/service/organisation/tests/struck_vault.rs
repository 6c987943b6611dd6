//! The vault of a device whose issuer was struck: it is opened, and what it holds can be read; nothing is taken from it, and nothing new given.

use wardline_identity::{Blinding, SigningKey, SystemEntropy, UnlockConfirmation, UnlockTry};
use wardline_proto::relay::unlock_service_server::UnlockService as _;
use wardline_proto::{PairId, TryId};

use super::*;
use crate::service::unlock::Unlocking;

const PAIR: PairId = PairId::from_bytes([1; 16]);

/// One try, and that the vault is open by it: how many tries were left, and the relay's answer.
async fn opens(scene: &Scene, phone: &Installation, id: u8) -> (u32, pb::ConfirmUnlockResponse) {
    let calls = Unlocking::new(Arc::clone(&scene.relay));
    let blinding = Blinding::of(&[id], &SystemEntropy).unwrap();
    let by = TryId::from_bytes([id; 16]);
    let tried = UnlockTry { pair: PAIR, id: by, blinded: *blinding.blinded() };
    let tried = Some(tried.sign(&SigningKey::from_seed([3; 32]), &HERE));
    let asked = pb::EvaluateRequest { greeting: greeting(), r#try: tried };
    let left = calls.evaluate(from_stranger(asked, HERE)).await.unwrap().into_inner().tries_left;
    let organisation = scene.founded.organisation();
    let certificate = organisation.verify_device(&phone.certificate, DateCheck::Skip).unwrap();
    let open = UnlockConfirmation { pair: PAIR, by, generation: id.into() };
    let confirmation = Some(open.sign((&phone.key, &certificate), &HERE));
    let end = scene.founded.clock_now().plus_seconds(600).get();
    let open = pb::ConfirmUnlockRequest { confirmation, period_ends_ms: vec![end - end % 60_000] };
    (left, calls.confirm_unlock(from_stranger(open, HERE)).await.unwrap().into_inner())
}

#[tokio::test]
async fn a_device_whose_issuer_was_struck_reads_what_it_has_and_gets_nothing_new() {
    let scene = Scene::new().await;
    let phone = scene.device(&scene.founded.issuer, "doctor-a", Role::Clinician).await;
    let calls = Unlocking::new(Arc::clone(&scene.relay));
    let unlock_key = SigningKey::from_seed([3; 32]).public().as_bytes().to_vec().into();
    let pair = pb::MakePairRequest { pair_id: PAIR.to_wire(), unlock_key };
    calls.make_pair(from_device(pair.clone(), &scene.founded, &phone)).await.unwrap();
    let (left, open) = opens(&scene, &phone, 1).await;
    assert_eq!((left, open.secrets.len(), open.struck), (9, 1, false), "the control: before the strike");
    let (left, _) = opens(&scene, &phone, 2).await;
    assert_eq!(left, 9, "the control: the one before was forgiven");

    scene.publish(&scene.strike(2, &scene.kept(&[]))).await.unwrap();
    let (left, again) = opens(&scene, &phone, 3).await;
    assert_eq!((left, again.struck), (9, true));
    assert_eq!(again.secrets, open.secrets, "what it has it may read");
    assert_eq!(opens(&scene, &phone, 4).await.0, 8, "nothing is forgiven");
    assert_eq!(refused(calls.make_pair(from_device(pair, &scene.founded, &phone)).await), struck());
    let asked = pb::GetPeriodSecretsRequest { period_ends_ms: Vec::new() };
    assert_eq!(refused(calls.get_period_secrets(from_device(asked, &scene.founded, &phone)).await), struck());
}
