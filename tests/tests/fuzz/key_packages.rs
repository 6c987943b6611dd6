//! KeyPackages, as the relay judges them and as the one who adds by them does.

use std::sync::LazyLock;

use wardline_client_core::mls::key_package::parse_and_verify;
use wardline_server::mls::judge_key_package;

use crate::{
    target::{Input, Target, fuzz, samples},
    tree::Format,
    world::WORLD,
};

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| samples("key_package"));

fn key_package(input: &Input) -> bool {
    let (certificate, key) = (WORLD.doctor.certificate.der(), WORLD.doctor.key.public());
    let relay = judge_key_package(&input.bytes.clone().into(), certificate, key.as_bytes());
    let client = parse_and_verify(&input.bytes);
    let Ok(relay) = relay else { return false };
    let client = client.expect("the client takes what the relay hands out");
    assert_eq!((relay.suite, relay.last_resort), (client.suite, client.last_resort));
    assert_eq!(relay.reference.as_ref(), client.reference.as_slice());
    assert!(client.verified(&WORLD.doctor.certificate).is_ok(), "it is the doctor's");
    assert!(SAMPLES.contains(&input.bytes), "accepted, and signed by nobody");
    true
}

#[test]
fn a_key_package_is_accepted_only_as_its_device_signed_it() {
    fuzz(&Target {
        name: "key_package",
        format: Format::Mls,
        sign: None,
        inputs: 1_000,
        at_most: usize::MAX,
        memory: (64 * 1024, 64),
        check: key_package,
    });
}
