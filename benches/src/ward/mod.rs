//! The product at work: a founded organisation, its relay as a process of its own, enrolled devices.

mod people;
mod relay;

pub(crate) use people::{Device, Ward};
