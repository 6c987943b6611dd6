//! The people of the organisation, as the relay tells and the certificates prove.

use std::sync::Arc;

use wardline_identity::{DateCheck, DeviceCertificate, Organisation, UserId};
use wardline_proto::{
    UtcMillis,
    relay::{ListPeopleRequest, Person},
};

use crate::{error::CoreError, relay::Relay};

/// Asks for these users; for all if none is named.
pub(crate) async fn ask_people(relay: &Arc<dyn Relay>, users: &[UserId]) -> Result<Vec<Person>, CoreError> {
    let user_ids = users.iter().map(ToString::to_string).collect();
    Ok(relay.list_people(ListPeopleRequest { user_ids }).await?.people)
}

/// A person's devices whose certificates verify, are in force, and are theirs. The relay cannot invent one (P2).
pub(crate) fn verified_devices(
    organisation: &Organisation,
    person: &Person,
    now: UtcMillis,
) -> Vec<DeviceCertificate> {
    person
        .devices
        .iter()
        .filter_map(|device| organisation.verify_device(&device.certificate, DateCheck::At(now)).ok())
        .filter(|certificate| certificate.user().as_str() == person.user_id)
        .collect()
}
