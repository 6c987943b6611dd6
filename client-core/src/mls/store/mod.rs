//! The unit of work between openmls and the vault.
//!
//! openmls writes a dozen rows for one merge; a crash between two of them would wreck the group. So it writes
//! to an overlay in memory, and the overlay's changes go into one transaction of the vault.
//!
//! A row is, from top to bottom: *changed* since the last drain, *in flight* to the vault, or *kept* there.
//! Drain moves changed to in flight, confirm in flight to kept, roll back forgets both.

mod overlay;
mod provider;
mod unit_of_work;

pub use unit_of_work::MlsStore;
