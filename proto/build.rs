//! Generates the wire types from `proto/` with a pure-Rust compiler: no system protoc.
//!
//! Also writes the descriptor set, which the relay's reflection service serves.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

/// Every file of the wire, relative to `proto/`.
const FILES: [&str; 13] = [
    "wardline/relay/v1/policy.proto",
    "wardline/relay/v1/statement.proto",
    "wardline/relay/v1/greeting.proto",
    "wardline/relay/v1/organisation.proto",
    "wardline/relay/v1/renewal.proto",
    "wardline/relay/v1/unlock.proto",
    "wardline/relay/v1/enrolment.proto",
    "wardline/relay/v1/key_package.proto",
    "wardline/relay/v1/membership.proto",
    "wardline/relay/v1/conversation.proto",
    "wardline/relay/v1/revocation.proto",
    "wardline/relay/v1/record.proto",
    "wardline/content/v1/content.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("wardline.descriptors"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".wardline.relay.v1").compile_fds(descriptors)?;
    Ok(())
}
