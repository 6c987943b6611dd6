//! The client's types and calls, from the relay's own `.proto` files: all that this package knows of Wardline.

use std::error::Error;

const PROTOS: &str = "../../../proto/proto";

const FILES: [&str; 7] = [
    "wardline/relay/v1/statement.proto",
    "wardline/relay/v1/greeting.proto",
    "wardline/relay/v1/organisation.proto",
    "wardline/relay/v1/enrolment.proto",
    "wardline/relay/v1/key_package.proto",
    "wardline/relay/v1/conversation.proto",
    "wardline/content/v1/content.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTOS}");
    let descriptors = protox::compile(FILES, [PROTOS])?;
    tonic_prost_build::configure().build_server(false).compile_fds(descriptors)?;
    Ok(())
}
