//! `ListPeople`: people with their devices in force, from memory.

use bytes::Bytes;
use tonic::{Request, Status};
use wardline_identity::{DeviceCertificate, UserId};
use wardline_proto::relay::{Device, ListPeopleRequest, ListPeopleResponse, Person, Role};

use crate::admission::People;
use crate::service::{authorise, status};
use crate::state::Relay;

pub(super) fn answer(
    relay: &Relay,
    request: &Request<ListPeopleRequest>,
) -> Result<ListPeopleResponse, Status> {
    authorise::device(relay, request)?;
    let asked = &request.get_ref().user_ids;
    if asked.len() > USERS_MAX {
        return Err(status::field_invalid("user_ids", "at most 1,000"));
    }
    let users: Result<Vec<UserId>, _> = asked.iter().map(|user| UserId::parse(user)).collect();
    let users = users.map_err(|error| status::field_invalid("user_ids", &error.to_string()))?;
    let which = if users.is_empty() { People::All } else { People::These(&users) };

    let people = relay.devices.people(which).into_iter().take(PEOPLE_MAX);
    let people = people.filter_map(|(user, certificates)| {
        // What the newest certificate says of the person.
        let newest = certificates.iter().max_by_key(|certificate| certificate.not_before())?;
        Some(Person {
            user_id: user.as_str().to_owned(),
            display_name: newest.display_name().as_str().to_owned(),
            role: Role::from(newest.role()).into(),
            devices: certificates.iter().map(|certificate| device(certificate)).collect(),
        })
    });
    Ok(ListPeopleResponse { people: people.collect() })
}

fn device(certificate: &DeviceCertificate) -> Device {
    Device {
        device_id: certificate.device().to_wire(),
        certificate: Bytes::copy_from_slice(certificate.der()),
        device_name: certificate.device_name().as_str().to_owned(),
    }
}

/// As in the .proto: how many users a call names.
const USERS_MAX: usize = 1_000;

/// As in the .proto: how many people an answer holds.
const PEOPLE_MAX: usize = 10_000;
