//! The relay's two doors and the client's way through them, over real sockets on loopback.
//!
//! Every claim that both doors make is tried on both. The services behind are stubs that say what they see and
//! count the calls that are running; certificates are real ones.

#![allow(clippy::panic, reason = "a scene that is not as it should be ends there")]

mod answers;
mod clinic;
mod crowds;
mod cuts;
mod deadlines;
mod doors;
mod foreign;
mod noise;
mod readers;
mod refusals;
mod shutdown;
mod stub;

/// Makes a test of each door out of one scene.
macro_rules! on_both_doors {
    ($(#[doc = $doc:literal])* async fn $name:ident($door:ident) $scene:block) => {
        mod $name {
            use super::*;

            async fn scene($door: TransportChoice) $scene

            $(#[doc = $doc])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_quic() {
                scene(TransportChoice::Quic).await;
            }

            $(#[doc = $doc])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_tcp() {
                scene(TransportChoice::Tcp).await;
            }
        }
    };
}
pub(crate) use on_both_doors;
