//! KeyPackages that are not the caller's, or not KeyPackages.

use bytes::Bytes;
use tonic::Code;
use wardline_client_core::mls::{Identity, key_package};
use wardline_proto::{
    ConversationId, Reason, Suite,
    relay::{ClaimKeyPackagesRequest, PublishKeyPackagesRequest},
};

use super::{
    Row, Trial,
    path::{CLAIM_KEY_PACKAGES, PUBLISH_KEY_PACKAGES},
};
use crate::{
    house::{Caller, House},
    talk::{Talk, noise, packages, random, store},
};

type Refusal = (Code, Reason);
const MALFORMED: Refusal = (Code::InvalidArgument, Reason::MessageMalformed);
const KIND: Refusal = (Code::InvalidArgument, Reason::MessageKindRefused);
const INVALID: Refusal = (Code::InvalidArgument, Reason::KeyPackageInvalid);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const LIMIT: Refusal = (Code::ResourceExhausted, Reason::LimitReached);

fn publish(packages: Vec<Bytes>) -> PublishKeyPackagesRequest {
    PublishKeyPackagesRequest { key_packages: packages }
}

/// A row whose package is made from an honest one of the nurse's; an honest one travels beside it and is not kept.
fn bytes(input: &'static str, refusal: Refusal, make: fn(Vec<u8>) -> Vec<u8>) -> Row {
    Row::call(input, PUBLISH_KEY_PACKAGES, refusal, move |house| {
        Box::pin(async move {
            let mut made = packages(house, house.caller(Caller::Nurse), 2).await;
            let (beside, good) = (made.remove(0), made.remove(0));
            let bad = make(good.to_vec()).into();
            Trial::new(Caller::Nurse, &publish(vec![beside.clone(), bad]), &publish(vec![beside, good]))
        })
    })
}

fn claimed(input: &'static str, change: fn(&mut ClaimKeyPackagesRequest)) -> Row {
    Row::call(input, CLAIM_KEY_PACKAGES, FIELD, move |house| {
        Box::pin(async move {
            let good = ClaimKeyPackagesRequest {
                request_id: random().to_vec().into(),
                device_ids: vec![house.caller(Caller::Nurse).device().to_wire()],
                cipher_suite: 0x0001,
            };
            let mut bad = good.clone();
            change(&mut bad);
            Trial::new(Caller::Doctor, &bad, &good)
        })
    })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        bytes("random bytes", MALFORMED, |_| noise()),
        bytes("a KeyPackage and one byte more", MALFORMED, |good| [&good[..], &[0]].concat()),
        bytes("a KeyPackage whose signature is changed", INVALID, |mut good| {
            let last = good.len() - 1;
            good[last] ^= 1;
            good
        }),
    ];
    let publishing =
        |input, refusal, prepare: for<'a> fn(&'a House) -> futures::future::LocalBoxFuture<'a, Trial>| {
            Row::call(input, PUBLISH_KEY_PACKAGES, refusal, prepare)
        };
    rows.extend([
        publishing("a Welcome", KIND, |house| Box::pin(welcome(house))),
        publishing("a PrivateMessage", KIND, |house| Box::pin(message(house))),
        publishing("a KeyPackage signed by another key", INVALID, |house| Box::pin(another_key(house))),
        publishing("a KeyPackage of another device", INVALID, |house| Box::pin(another_device(house))),
        publishing("201 KeyPackages", FIELD, |house| Box::pin(many(house))),
        publishing("a KeyPackage of 16,385 bytes", FIELD, |house| Box::pin(long(house))),
        publishing("more than 100 one-time KeyPackages that wait", LIMIT, |house| Box::pin(hoard(house))),
    ]);
    rows.extend([
        claimed("a request_id of 15 bytes", |request| request.request_id = vec![1; 15].into()),
        claimed("a device's id of 15 bytes", |request| request.device_ids = vec![vec![1; 15].into()]),
        claimed("501 devices", |request| request.device_ids = vec![random().to_vec().into(); 501]),
        claimed("a cipher suite that is not Wardline's", |request| request.cipher_suite = 2),
    ]);
    rows
}

async fn honest(house: &House) -> PublishKeyPackagesRequest {
    publish(packages(house, house.caller(Caller::Nurse), 1).await)
}

async fn welcome(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let (nurse, package) = talk.nurse().await;
    let data = talk.data(&[nurse], &[]);
    let welcome = talk.commit(data, vec![package]).welcome;
    Trial::new(Caller::Nurse, &publish(vec![welcome]), &honest(house).await)
}

async fn message(house: &House) -> Trial {
    let message = Talk::new(house).await.message().message;
    Trial::new(Caller::Nurse, &publish(vec![message]), &honest(house).await)
}

/// The nurse's certificate over the doctor's key: whoever joined with it would be the nurse on every screen.
async fn another_key(house: &House) -> Trial {
    let (nurse, doctor) = (house.caller(Caller::Nurse), house.caller(Caller::Doctor));
    let mixed = Identity { key: doctor.key(), certificate_der: nurse.certificate.der() };
    let store = store(house, ConversationId::from_bytes([0; 16])).await;
    let made = key_package::generate(&store, &mixed, Suite::X25519, 1, false).expect("a package");
    let bad = publish(made.into_iter().map(Into::into).collect());
    Trial::new(Caller::Nurse, &bad, &honest(house).await)
}

async fn another_device(house: &House) -> Trial {
    let doctors = publish(packages(house, house.caller(Caller::Doctor), 1).await);
    Trial::by((Caller::Nurse, &doctors), (Caller::Doctor, &doctors))
}

async fn many(house: &House) -> Trial {
    let good = honest(house).await;
    let bad = publish(vec![good.key_packages[0].clone(); 201]);
    Trial::new(Caller::Nurse, &bad, &publish(vec![good.key_packages[0].clone(); 200]))
}

async fn long(house: &House) -> Trial {
    Trial::new(Caller::Nurse, &publish(vec![vec![0; 16_385].into()]), &honest(house).await)
}

/// The doctor has a few already; half of it fits.
async fn hoard(house: &House) -> Trial {
    let made = packages(house, house.caller(Caller::Doctor), 101).await;
    Trial::new(Caller::Doctor, &publish(made.clone()), &publish(made[..50].to_vec()))
}
