//! Invitations: the link that a person gets, the record behind it, the claim to it.

use std::sync::LazyLock;

use data_encoding::BASE32_NOPAD;
use prost::Message as _;
use wardline_identity::{DateCheck, ExporterCheck, InvitationLink, StatementLabel};
use wardline_proto::{Digest, relay::WaitingEnrolment};

use crate::{
    resign,
    target::{Input, Target, fuzz, samples},
    tree::Format,
    world::{NOW, WORLD},
};

fn link(input: &Input) -> bool {
    let text = String::from_utf8_lossy(&input.bytes);
    let Ok(link) = InvitationLink::parse(&text) else { return false };
    let plain: String = text.chars().filter(|one| !one.is_whitespace()).collect();
    let again = link.encode().expect("what was accepted can be written");
    assert_eq!(*again, plain.to_ascii_lowercase(), "one link has one text");
    true
}

/// A link whose checksum is right again.
fn mend_checksum(bytes: &mut Vec<u8>, how: u64) -> bool {
    const PREFIX: &str = "wardline://enrol/";
    let text = String::from_utf8_lossy(bytes).to_ascii_uppercase();
    let Some(code) = text.get(PREFIX.len()..) else { return false };
    let Ok(mut inside) = BASE32_NOPAD.decode(code.as_bytes()) else { return false };
    inside.truncate(inside.len().saturating_sub(4));
    if let Some(byte) = inside.get_mut(usize::try_from(how >> 8).unwrap_or(0) % 200).filter(|_| how & 1 == 0)
    {
        *byte ^= how as u8;
    }
    let sum = Digest::of(&[b"wardline link", &inside[..]].concat());
    inside.extend_from_slice(&sum.as_bytes()[..4]);
    *bytes = format!("{PREFIX}{}", BASE32_NOPAD.encode(&inside)).into_bytes();
    true
}

#[test]
fn a_link_is_accepted_only_as_it_is_written() {
    fuzz(&Target {
        name: "invitation_link",
        format: Format::Raw,
        sign: Some(mend_checksum),
        inputs: 5_000,
        at_most: usize::MAX,
        memory: (16 * 1024, 64),
        check: link,
    });
}

static SAMPLES: LazyLock<Vec<WaitingEnrolment>> = LazyLock::new(|| {
    let read = |bytes: Vec<u8>| WaitingEnrolment::decode(bytes.as_slice()).expect("an enrolment");
    samples("invitation").into_iter().map(read).collect()
});

/// A record and a claim to it, as the registrar gets them.
fn invitation(input: &Input) -> bool {
    let Ok(waiting) = WaitingEnrolment::decode(input.bytes.as_slice()) else { return false };
    let Some(signed) = &waiting.record else { return false };
    let Ok(record) = WORLD.organisation.verify_invitation(signed, DateCheck::Skip) else { return false };
    let known = |one: &WaitingEnrolment| one.record.as_ref() == Some(signed);
    assert!(input.signed_anew || SAMPLES.iter().any(known), "a record is accepted, and signed by nobody");
    let Some(signed) = &waiting.claim else { return false };
    let Ok(claim) = record.verify_claim(signed, ExporterCheck::Skip) else { return false };
    let in_force = WORLD.organisation.verify_invitation(record.statement(), DateCheck::At(NOW)).is_ok();
    assert_eq!(in_force, NOW < record.expires_at(), "only its expiry tells them apart");
    let known = |one: &WaitingEnrolment| one.claim.as_ref() == Some(signed);
    assert!(input.signed_anew || SAMPLES.iter().any(known), "a claim is accepted, and signed by nobody");
    let here = record.verify_claim(signed, ExporterCheck::Equals(*claim.exporter()));
    assert!(here.is_ok() && record.verify_claim(signed, ExporterCheck::Equals([0xa5; 32])).is_err());
    // Any issuer can be asked to certify it.
    let subject = record.device_subject(&claim);
    assert_eq!((subject.device, &subject.user), (claim.device(), record.user()));
    true
}

/// The record by the issuer, or the claim by the invitation's key.
fn sign_invitation(bytes: &mut Vec<u8>, how: u64) -> bool {
    let Ok(mut waiting) = WaitingEnrolment::decode(bytes.as_slice()) else { return false };
    match (&mut waiting.record, &mut waiting.claim) {
        (Some(record), _) if how & 1 == 0 => {
            resign::statement(record, StatementLabel::InvitationRecord, &WORLD.issuer_key);
        }
        (_, Some(claim)) => resign::statement(claim, StatementLabel::EnrolmentClaim, &WORLD.invitation),
        _ => return false,
    }
    *bytes = waiting.encode_to_vec();
    true
}

#[test]
fn records_and_claims_are_accepted_only_as_they_were_signed() {
    fuzz(&Target {
        name: "invitation",
        format: Format::Protobuf(0),
        sign: Some(sign_invitation),
        inputs: 1_500,
        at_most: usize::MAX,
        memory: (32 * 1024, 192),
        check: invitation,
    });
}
