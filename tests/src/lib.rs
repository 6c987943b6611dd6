//! A ward to try Wardline on: a founded organisation, its relay as a real process on a loopback port, people with
//! devices whose homes the real program uses.
//!
//! Everything a scene starts lives in its own temporary folder and ends with it. Scenes share nothing, so they run
//! side by side. A step that does not succeed ends the test there, with what the program printed.

#![allow(clippy::panic, reason = "a step of a scene that fails is a test that fails")]

mod checker;
mod device;
mod enrolment;
mod owner;
mod process;
mod program;
mod relay;
mod ward;

pub mod in_process;

pub use checker::{Accepted, Report, Transcript, check};
pub use device::Device;
pub use owner::{Line, Owner};
pub use process::{Output, Running};
pub use program::Programs;
pub use relay::RelayProcess;
pub use ward::Ward;

/// The programs under test, as cargo built them for the calling test.
#[macro_export]
macro_rules! programs {
    () => {
        $crate::Programs {
            wardline: env!("CARGO_BIN_EXE_wardline-under-test").into(),
            relay: env!("CARGO_BIN_EXE_relay-under-test").into(),
            always: &[],
        }
    };
}
