//! A model of one instant: order, fences and leases of three devices in two conversations, looked at exhaustively.
//!
//! What the relay does in one transaction is one step here; what clients do, and what reaches whom when, comes in every order.
//! It states P3b (what is accepted once a revocation is in force opens for no revoked device), P3c (who knows of one encrypts to it
//! no more, whatever the relay does) and P5 (nothing acknowledged is lost or doubled, and whoever stays gets on). Where the product
//! has bytes, the model has the set of those who can open them: MLS does what RFC 9420 says. Crashes are the simulation's part.
//! A package of its own, because it looks at half a million states and is compiled for that.

mod actions;
mod clinic;
mod log;
mod promises;
mod relay;
mod set;

use std::time::Instant;

use clinic::Clinic;
pub use clinic::{Guard, Scene};
pub use promises::SAID_AFTER;
use stateright::{Checker as _, HasDiscoveries, Model as _};

/// What was found in a scene.
#[derive(Debug)]
pub struct Found {
    /// How many states there are, or were looked at.
    pub states: usize,
    /// The promises that are broken in one of them, and [`SAID_AFTER`] if that is so in one.
    pub names: Vec<&'static str>,
}

/// Looks at every state that can be reached in a scene, without a guard or with all, or until this promise is seen to be broken.
#[must_use]
pub fn check(scene: Scene, without: Option<Guard>, until: Option<&'static str>) -> Found {
    let (begun, clinic) = (Instant::now(), Clinic { scene, without });
    let what = format!("{clinic:?}");
    let end = until.map_or(HasDiscoveries::All, |promise| HasDiscoveries::AnyOf([promise].into()));
    let checker = clinic.checker().threads(2).finish_when(end).spawn_bfs().join();
    let mut names: Vec<_> = checker.discoveries().into_keys().collect();
    names.sort_unstable();
    let found = Found { states: checker.unique_state_count(), names };
    println!("model={what} {found:?} seconds={:.1}", begun.elapsed().as_secs_f64());
    found
}
