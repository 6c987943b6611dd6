//! What `build.rs` makes of the protos.
#![allow(missing_docs, clippy::all)]

/// `wardline.relay.v1`.
pub mod relay {
    tonic::include_proto!("wardline.relay.v1");
}

/// `wardline.content.v1`.
pub mod content {
    tonic::include_proto!("wardline.content.v1");
}
