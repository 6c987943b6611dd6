//! Tests of the mls room, in the vocabulary of a ward: three devices with certificates, groups and vaults of
//! their own.
//!
//! Whatever a test does, it does through the vault: after every step the group is loaded again from the disk
//! and must be what it was in memory.

mod attacks;
mod crashes;
mod life;
mod packages;
mod tampered;
mod ward;
mod x_wing;
