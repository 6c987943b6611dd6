//! What it costs a sender to hold its conversation's members against the list, by the list's length.

use std::{hint::black_box, time::Instant};

use anyhow::Result;
use wardline_identity::{
    Clock as _, DateCheck, DisplayName, Organisation, OrganisationId, RevocationAct, RevocationKind,
    RevocationReason, RevocationRegister, RootAuthority, SystemClock, SystemEntropy,
};
use wardline_proto::{DeviceId, relay};

use crate::{
    figure::{Aim, Figure, Quantity},
    samples::Samples,
    scale::Scale,
};

/// Devices that are looked for: nine that are not on the list, and one that is.
const MEMBERS: u64 = 10;
/// Looks that one sample is made of.
const LOOKS: u32 = 1_000;
/// Acts of one list.
const ACTS_AT_ONCE: usize = 1_000;

/// The figures: the first length is the bound of the others.
pub(super) fn run(scale: Scale) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let first = look(scale.listed[0], scale.append_rounds)?;
    for count in scale.listed {
        let samples = look(count, scale.append_rounds)?;
        figures.push(
            Figure::new(
                Quantity::new(format!("list check of ten members, {count} devices revoked"), samples.p50()),
                "µs",
                Quantity::new(format!("the same, {} devices revoked", scale.listed[0]), first.p50()),
                Aim::AtMost(3.0),
            )
            .taken(samples.count(), "")
            .if_missed("The register is a tree of ids: deeper, and colder in the caches, the longer it is."),
        );
    }
    Ok(figures)
}

/// Microseconds for one look at all members.
fn look(count: u64, rounds: usize) -> Result<Samples> {
    let register = register(count)?;
    let step = count.div_ceil(MEMBERS).max(1);
    let members: Vec<DeviceId> =
        (0..MEMBERS).map(|number| device(number * step + u64::from(number > 0) * count)).collect();
    let mut samples = Samples::default();
    for _ in 0..rounds.max(1) {
        let begun = Instant::now();
        for _ in 0..LOOKS {
            for member in &members {
                black_box(register.last_act(black_box(member)));
            }
        }
        samples.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(LOOKS));
    }
    Ok(samples)
}

/// A register in which so many devices are revoked.
fn register(count: u64) -> Result<RevocationRegister> {
    let (now, name) = (SystemClock.now(), DisplayName::parse("St. Example")?);
    let id = OrganisationId::from_name("St. Example")?;
    let root = RootAuthority::found(&name, id.clone(), &SystemEntropy, now)?;
    let issuer = root.found_issuer(&name, &SystemEntropy, now)?;
    let wire = relay::Organisation {
        organisation_id: id.to_string(),
        name: name.to_string(),
        root_certificate: root.certificate_der().to_vec().into(),
        issuers: Some(root.sign_issuers_list(1, &[issuer.certificate_der()])?),
    };
    let organisation = Organisation::verify(&wire, &root.fingerprint(), now)?;
    let acts: Vec<RevocationAct> = (0..count)
        .map(|number| RevocationAct {
            device: device(number),
            kind: RevocationKind::Revoked,
            reason: RevocationReason::Lost,
            at: now,
            issuer: *issuer.certificate().fingerprint(),
        })
        .collect();
    let mut register = RevocationRegister::new(&id);
    for acts in acts.chunks(ACTS_AT_ONCE) {
        let signed = register.sign_next(&issuer, &organisation, acts, now)?;
        let list = organisation.verify_revocation_list(&signed, DateCheck::Skip)?;
        register.adopt(list, acts)?;
    }
    Ok(register)
}

/// A device's id, far from its neighbours'.
fn device(number: u64) -> DeviceId {
    let mut bytes = [0; DeviceId::LENGTH];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    DeviceId::from_bytes(bytes)
}
