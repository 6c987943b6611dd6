//! A relay that does not do its part: it answers that a device is out, and goes on as before.

use wardline_proto::ConversationId;
use wardline_tests::{Ward, programs};

use crate::{
    attack::{Stolen, opened},
    scene::{WARD, id, taken_with_it_inside},
    tap::Tap,
};

const AFTER: &str = "for us only";

/// Whether the vault of a revoked device opens what a member says afterwards, by a relay that tells these lies; and how many messages
/// that relay took from the instant on before the device was out.
fn opens(lies: &[&str]) -> (bool, i64) {
    let mut ward = Ward::quick(programs!());
    let [doctor, nurse, locum] = ward.people(["doctor-a", "nurse-b", "locum-c"]);
    let tap = Tap::enrol(&ward, "tap-e");
    let create =
        ["conversation", "create", WARD, "--with", "nurse-b", "--with", "locum-c", "--with", "tap-e"];
    let created = doctor.ask(&create)["conversation"].as_str().unwrap().to_owned();
    let conversation = data_encoding::HEXLOWER.decode(created.as_bytes()).unwrap();
    let conversation = ConversationId::try_from(conversation.as_slice()).unwrap();
    for device in [&nurse, &locum] {
        device.cli(&["sync"]).good();
    }
    let stolen = Stolen::open(&locum.copy_to(&ward.folder().join("locum-stolen")).unwrap());
    let device = id(&locum);
    let order = ["admin", "device", "revoke", &device, "--reason", "stolen", "--wait", "0"];
    assert!(ward.administrator.ask(&order)["in_force"].is_string(), "it says that it is in force");
    ward.relay.rearm(lies);
    doctor.cli(&["send", WARD, AFTER]).good();
    // A member reads it in any case, and may be told besides that the relay's list is lower than before.
    let synced = nurse.cli(&["sync"]);
    assert!([0, 81].contains(&synced.status), "{synced:?}");
    let read = nurse.cli(&["read", WARD, "--offline", "--json"]).objects();
    assert!(read.iter().any(|one| one["text"] == AFTER), "{read:?}");
    ward.relay.rearm(&[]);
    let (_, inside) = taken_with_it_inside(&ward, &locum);
    (opened(&stolen, (conversation, 0), &tap.traffic()).contains(AFTER), inside)
}

#[test]
fn a_relay_that_takes_messages_all_the_same_gets_none_that_a_revoked_device_could_read() {
    assert_eq!(opens(&["relay.no_fence"]), (false, 0), "who knows the list removes the device first");
}

#[test]
fn a_relay_that_hides_the_list_as_well_could() {
    // Until the list that they know has outlived its life: the limit that SECURITY.md names, and the control of the test above.
    assert_eq!(opens(&["relay.no_fence", "relay.list_hidden"]), (true, 1));
}
