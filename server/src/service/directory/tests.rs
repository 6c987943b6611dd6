//! Who is shown to whom.

use std::sync::Arc;

use tonic::Code;
use wardline_identity::Role;
use wardline_proto::relay::directory_service_server::DirectoryService as _;
use wardline_proto::relay::{GetOrganisationRequest, ListPeopleRequest};

use super::Directory;
use crate::founded::{Founded, Installation, from_device, from_stranger, reason};
use crate::state::Relay;

async fn ward() -> (Founded, Arc<Relay>, Directory) {
    let founded = Founded::new();
    let relay = founded.relay().await;
    let directory = Directory::new(relay.clone());
    (founded, relay, directory)
}

/// Another device, known to the relay.
fn join(founded: &Founded, relay: &Relay, user: &str) -> Installation {
    let installation = Installation::certified(&founded.issuer, &founded.entropy, user, Role::Clinician);
    let certificate = founded.organisation().verify_device(&installation.certificate, founded.clock_now());
    relay.devices.insert(certificate.unwrap());
    installation
}

#[tokio::test]
async fn every_device_sees_people_in_order_with_their_devices() {
    let (founded, relay, directory) = ward().await;
    let nurse = join(&founded, &relay, "nurse-b");
    let first = join(&founded, &relay, "doctor-a");
    let second = join(&founded, &relay, "doctor-a");
    let list = |user_ids: &[&str]| {
        let user_ids = user_ids.iter().map(ToString::to_string).collect();
        directory.list_people(from_device(ListPeopleRequest { user_ids }, &founded, &nurse))
    };

    let people = list(&[]).await.unwrap().into_inner().people;
    let users: Vec<&str> = people.iter().map(|person| person.user_id.as_str()).collect();
    assert_eq!(users, ["admin-a", "doctor-a", "nurse-b"]);
    let devices: Vec<&[u8]> = people[1].devices.iter().map(|device| device.certificate.as_ref()).collect();
    assert_eq!(devices, [first.certificate.as_slice(), second.certificate.as_slice()]);
    assert_eq!(people[1].role(), wardline_proto::relay::Role::Clinician);

    let people = list(&["nurse-b", "nobody", "nurse-b"]).await.unwrap().into_inner().people;
    assert_eq!((people.len(), people[0].user_id.as_str()), (1, "nurse-b"));
    assert_eq!(list(&["Not An Id"]).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn lapsed_devices_are_neither_shown_nor_served() {
    let (founded, relay, directory) = ward().await;
    founded.clock.advance_seconds(60 * 86_400);
    let fresh = founded.certify_later("nurse-b");
    relay
        .devices
        .insert(founded.organisation().verify_device(&fresh.certificate, founded.clock_now()).unwrap());
    founded.clock.advance_seconds(40 * 86_400);

    let request = from_device(ListPeopleRequest::default(), &founded, &fresh);
    let people = directory.list_people(request).await.unwrap().into_inner().people;
    let users: Vec<&str> = people.iter().map(|person| person.user_id.as_str()).collect();
    assert_eq!(users, ["nurse-b"], "the founder's certificate has lapsed");
    let request = from_device(ListPeopleRequest::default(), &founded, &founded.founder);
    assert_eq!(reason(&directory.list_people(request).await.unwrap_err()), "CERTIFICATE_INVALID");
}

#[tokio::test]
async fn strangers_see_nothing_here() {
    let (founded, _relay, directory) = ward().await;
    let people =
        directory.list_people(from_stranger(ListPeopleRequest::default(), [0; 32])).await.unwrap_err();
    let organisation = directory.get_organisation(from_stranger(GetOrganisationRequest {}, [0; 32])).await;
    for status in [people, organisation.unwrap_err()] {
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Unauthenticated, "CERTIFICATE_REQUIRED")
        );
    }
    let request = from_device(GetOrganisationRequest {}, &founded, &founded.founder);
    let shown = directory.get_organisation(request).await.unwrap().into_inner().organisation.unwrap();
    assert_eq!(shown, founded.organisation().to_wire());
}
