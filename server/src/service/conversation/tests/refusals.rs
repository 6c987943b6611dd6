//! Bad input: each kind has its name, nothing of it is stored, and the next honest request goes through.

use super::*;
use crate::founded::from_stranger;
use crate::mls::Welcome;

#[tokio::test]
async fn a_client_of_another_version_is_told_to_upgrade() {
    let ward = Ward::open().await;
    let versions = Some(pb::VersionRange { lowest: 2, highest: 3 });
    let request = pb::SubscribeRequest {
        greeting: Some(pb::ClientGreeting { versions, ..pb::ClientGreeting::default() }),
        cursors: vec![],
    };
    let refused = ward.calls.subscribe(ward.from(&ward.doctor, request)).await.err().unwrap();
    assert_eq!(reason(&refused), "UPGRADE_REQUIRED");
}

#[tokio::test]
async fn no_call_is_for_strangers() {
    let ward = Ward::open().await;
    let refused = ward.calls.send(from_stranger(honest(1, 0), [0; 32])).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "CERTIFICATE_REQUIRED"));
    let request = pb::CountKeyPackagesRequest {};
    let refused = ward.packages.count_key_packages(from_stranger(request, [0; 32])).await.unwrap_err();
    assert_eq!(reason(&refused), "CERTIFICATE_REQUIRED");
}

#[tokio::test]
async fn membership_is_for_roles_that_message_and_keys_that_sign() {
    let ward = Ward::open().await;
    let (issuer, entropy) = (&ward.founded.issuer, &ward.founded.entropy);
    let responder = Installation::certified(issuer, entropy, "night-desk", Role::Responder);
    assert_eq!(reason(&ward.send(&responder, honest(1, 0)).await.unwrap_err()), "ROLE_REQUIRED");
    let service = Installation::certified(issuer, entropy, "pager", Role::Service);
    assert_eq!(reason(&ward.send(&service, honest(1, 0)).await.unwrap_err()), "NOT_A_MEMBER", "the control");
}

#[tokio::test]
async fn each_bad_message_is_refused_by_name_and_the_next_honest_one_is_entry_1() {
    let ward = Ward::open().await;
    let group = WARD.as_bytes();
    let kind = |content_type| craft::private(group, 0, content_type, &life(3_600));
    let public = {
        let mut bytes = kind(1);
        bytes[3] = 1;
        bytes
    };
    let trailing = [kind(1), vec![0]].concat();
    let commit_data = aad(Kind::Commit(pb::CommitData::default()));
    let short_id = pb::SendRequest { client_message_id: Bytes::from_static(&[1]), ..honest(1, 0) };
    let huge = craft::application(group, 0, &vec![0; 200_000]);
    let table = [
        (message(1, b"random bytes".to_vec()), "MESSAGE_MALFORMED"),
        (message(1, vec![]), "MESSAGE_MALFORMED"),
        (message(1, trailing), "MESSAGE_MALFORMED"),
        (message(1, public), "MESSAGE_KIND_REFUSED"),
        (message(1, kind(2)), "MESSAGE_KIND_REFUSED"),
        (message(1, kind(3)), "MESSAGE_KIND_REFUSED"),
        (message(1, craft::welcome(1, &[[1; 32]])), "MESSAGE_KIND_REFUSED"),
        (message(1, craft::application(&[8; 16], 0, &life(3_600))), "GROUP_MISMATCH"),
        (message(1, craft::application(group, 1, &life(3_600))), "EPOCH_CONFLICT"),
        (message(1, craft::application(group, 0, &life(299))), "LIFE_OUT_OF_RANGE"),
        (message(1, craft::application(group, 0, b"")), "DECLARATION_MISMATCH"),
        (message(1, craft::application(group, 0, b"\xff")), "DECLARATION_MISMATCH"),
        (message(1, craft::application(group, 0, &commit_data)), "DECLARATION_MISMATCH"),
        (message(1, huge), "FIELD_INVALID"),
        (short_id, "FIELD_INVALID"),
    ];
    for (request, expected) in table {
        let refused = ward.send(&ward.doctor, request).await.unwrap_err();
        assert_eq!(reason(&refused), expected);
    }
    assert_eq!(reason(&ward.send(&ward.nurse, honest(1, 0)).await.unwrap_err()), "NOT_A_MEMBER");
    assert_eq!(ward.send(&ward.doctor, honest(1, 0)).await.unwrap().number, 1);
}

#[tokio::test]
async fn each_bad_commit_is_refused_by_name_and_the_next_honest_one_is_entry_1() {
    let ward = Ward::open().await;
    let (doctor, nurse) = (&ward.doctor, &ward.nurse);
    let fits = || declares(&[], &[doctor.device]);
    let good = committing(doctor, 0, fits());
    let edit = |change: &dyn Fn(&mut pb::CommitRequest)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let group = WARD.as_bytes();
    let application = craft::application(group, 0, &aad(Kind::Commit(fits())));
    let elsewhere = craft::commit(&[8; 16], 0, &aad(Kind::Commit(fits())));
    let undeclared = craft::commit(group, 0, &life(300));
    let unclaimed = craft::welcome(1, &[[1; 32]]);
    let joining = declares(&[nurse.device], &[doctor.device, nurse.device]);
    let table = [
        (edit(&|r| r.commit = Bytes::from_static(b"random bytes")), "MESSAGE_MALFORMED"),
        (with_commit(doctor, 0, application), "MESSAGE_KIND_REFUSED"),
        (with_commit(doctor, 0, craft::private(group, 0, 2, &[])), "MESSAGE_KIND_REFUSED"),
        (with_commit(doctor, 0, elsewhere), "GROUP_MISMATCH"),
        (with_commit(doctor, 0, undeclared), "DECLARATION_MISMATCH"),
        (committing(doctor, 0, declares(&[], &[nurse.device])), "DECLARATION_MISMATCH"),
        (committing(doctor, 7, fits()), "EPOCH_CONFLICT"),
        (edit(&|r| r.epoch = 1), "FIELD_INVALID"),
        (edit(&|r| r.author = None), "FIELD_INVALID"),
        (edit(&|r| r.author = Some(signed(nurse, 0, &good.commit))), "STATEMENT_INVALID"),
        (edit(&|r| r.author = Some(signed(doctor, 0, b"another"))), "STATEMENT_INVALID"),
        (edit(&|r| r.author = Some(signed(doctor, 1, &good.commit))), "STATEMENT_INVALID"),
        (edit(&|r| r.welcome = Bytes::from_static(b"random bytes")), "MESSAGE_MALFORMED"),
        (edit(&|r| r.welcome = good.commit.clone()), "MESSAGE_KIND_REFUSED"),
        (edit(&|r| r.welcome = unclaimed.clone().into()), "WELCOME_MISMATCH"),
        (committing(doctor, 0, joining), "WELCOME_MISMATCH"),
    ];
    for (place, (request, expected)) in table.into_iter().enumerate() {
        let refused = ward.commit(doctor, request).await.unwrap_err();
        assert_eq!(reason(&refused), expected, "row {place}: {}", refused.message());
    }
    let refused = ward.commit(nurse, committing(nurse, 0, fits())).await.unwrap_err();
    assert_eq!(reason(&refused), "NOT_A_MEMBER");
    assert_eq!(ward.commit(doctor, good).await.unwrap().number, 1);
}

/// A field that no message of ours has, with words in it.
const UNKNOWN_FIELD: &[u8] = b"\x7a\x0dbed 4: cancer";

#[tokio::test]
async fn nothing_readable_rides_beside_what_is_encrypted() {
    let ward = Ward::open().await;
    let (doctor, group) = (&ward.doctor, WARD.as_bytes());
    let longer = |data: Vec<u8>| [data, UNKNOWN_FIELD.to_vec()].concat();
    // The same number in more bytes than it needs: room for a sign, too.
    let stretched = b"\x0a\x04\x08\x90\x9c\x00";
    for data in [longer(life(3_600)), stretched.to_vec()] {
        assert!(pb::AuthenticatedData::decode(data.as_slice()).is_ok(), "a decoder takes it");
        let refused = ward.send(doctor, message(1, craft::application(group, 0, &data))).await.unwrap_err();
        assert_eq!(reason(&refused), "DECLARATION_MISMATCH");
    }
    let data = aad(Kind::Commit(declares(&[], &[doctor.device])));
    let bytes = craft::commit(group, 0, &longer(data.clone()));
    let refused = ward.commit(doctor, with_commit(doctor, 0, bytes)).await.unwrap_err();
    assert_eq!(reason(&refused), "DECLARATION_MISMATCH");

    let good = with_commit(doctor, 0, craft::commit(group, 0, &data));
    let mut request = good.clone();
    let statement = request.author.as_mut().unwrap();
    let body = longer(statement.body.to_vec());
    statement.signature = doctor.key.sign(StatementLabel::CommitAuthor, &body).to_vec().into();
    statement.body = body.into();
    let certificate = ward.founded.organisation();
    let certificate =
        certificate.verify_device(&doctor.certificate, wardline_identity::DateCheck::Skip).unwrap();
    assert!(
        certificate.verify_statement(StatementLabel::CommitAuthor, statement).is_ok(),
        "its own signature"
    );
    let refused = ward.commit(doctor, request).await.unwrap_err();
    assert_eq!(reason(&refused), "STATEMENT_INVALID");
    assert_eq!(ward.commit(doctor, good).await.unwrap().number, 1, "the control");
    assert_eq!(ward.send(doctor, honest(1, 1)).await.unwrap().number, 2, "the control");
}

#[tokio::test]
async fn a_package_is_the_callers_own_or_refused_and_nothing_is_stored() {
    let ward = Ward::new().await;
    let nurse = real::Leaf { key: &ward.nurse.key, certificate: &ward.nurse.certificate };
    let doctor = real::Leaf { key: &ward.doctor.key, certificate: &ward.doctor.certificate };
    let publish = async |package: Vec<Bytes>| {
        let request = pb::PublishKeyPackagesRequest { key_packages: package };
        ward.packages.publish_key_packages(ward.from(&ward.nurse, request)).await
    };
    let own = real::key_package(&nurse, Suite::MlKem768X25519, false);
    let others = real::key_package(&doctor, Suite::X25519, false);
    let refused = publish(vec![own.clone(), others]).await.unwrap_err();
    assert_eq!(reason(&refused), "KEY_PACKAGE_INVALID");
    let refused = publish(vec![Bytes::from_static(b"random bytes")]).await.unwrap_err();
    assert_eq!(reason(&refused), "MESSAGE_MALFORMED");
    let refused = publish(vec![Bytes::from(vec![0; 16_385])]).await.unwrap_err();
    assert_eq!(reason(&refused), "FIELD_INVALID");
    let count = async || {
        let request = ward.from(&ward.nurse, pb::CountKeyPackagesRequest {});
        ward.packages.count_key_packages(request).await.unwrap().into_inner().counts
    };
    assert_eq!(count().await, []);
    publish(vec![own]).await.unwrap();
    let counts = count().await;
    assert_eq!((counts.len(), counts[0].cipher_suite, counts[0].one_time), (1, 0x4F, 1));
}

#[test]
fn the_crafted_welcome_is_one() {
    assert!(Welcome::parse(&craft::welcome(1, &[[1; 32]])).is_ok());
}
