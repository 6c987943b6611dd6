//! The organisation on one page: what an administrator should see to comes with its own exit status, and looking changes nothing.

use serde_json::Value;

use crate::{
    issuers::Machine,
    scene::{Scene, WARD, id, until},
};

const FIELDS: [&str; 15] = [
    "warnings",
    "organisation",
    "root",
    "issuers_list",
    "issuers",
    "struck",
    "list",
    "record",
    "enrolments_waiting",
    "invitations_open",
    "devices",
    "removals",
    "relay_certificate_until",
    "registrar_seen",
    "relay_faults",
];

/// The page, and the exit status it came with.
fn page(scene: &Scene) -> (Value, i32) {
    let output = scene.ward.administrator.cli(&["admin", "status", "--json"]);
    (output.object(), output.status)
}

fn concerns(page: &Value) -> Vec<&str> {
    page["warnings"].as_array().unwrap().iter().map(|one| one["concern"].as_str().unwrap()).collect()
}

#[test]
fn what_needs_somebody_is_named_and_a_look_changes_nothing() {
    let scene = Scene::set();
    let (none, status) = page(&scene);
    assert_eq!((concerns(&none), status), (vec!["no_list", "one_issuer"], 83), "{none}");
    scene.ward.administrator.cli(&["admin", "registrar", "--once"]).good();
    let (first, status) = page(&scene);
    let fields: Vec<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(fields.len() == FIELDS.len() && fields.iter().all(|field| FIELDS.contains(field)), "{fields:?}");
    assert_eq!((concerns(&first), status), (vec!["one_issuer"], 83), "{first}");
    for part in ["what", "why", "now"] {
        assert!(first["warnings"][0][part].as_str().is_some_and(|text| !text.is_empty()), "{first}");
    }
    let counts = |page: &Value| {
        ["in_force", "lapsed", "held", "revoked", "ending"].map(|one| page["devices"][one].as_u64().unwrap())
    };
    assert_eq!(counts(&first), [4, 0, 0, 0, 0]);
    assert_eq!((&first["issuers"][0]["this"], &first["list"]["by"]), (&true.into(), &"Administrator".into()));
    assert_eq!((&first["record"]["goes_on"], &first["removals"]["open"]), (&true.into(), &0.into()));
    // Whoever looks is no registrar.
    assert_eq!(page(&scene).0["registrar_seen"], first["registrar_seen"]);

    // Somebody waits for a certificate, an invitation is open, and a device is put out with nobody there.
    let _invitation = scene.ward.invite("guest-x");
    scene.admin(&["hold", &id(&scene.locum), "--reason", "lost", "--wait", "0"]);
    let (second, status) = page(&scene);
    assert_eq!((concerns(&second), status), (vec!["removals_open", "one_issuer"], 83), "{second}");
    assert_eq!(counts(&second), [3, 0, 1, 0, 0]);
    assert_eq!((&second["removals"]["open"], &second["removals"]["devices"]), (&1.into(), &1.into()));
    assert_eq!(second["invitations_open"].as_u64(), first["invitations_open"].as_u64().map(|open| open + 1));
    let _nurse = scene.online(&scene.nurse);
    until("it is out", || page(&scene).0["removals"]["open"] == 0);
    // Nobody else is shown it.
    scene.doctor.cli(&["admin", "status", "--json"]).failed(78);

    // A second administrator: nothing is left to see to.
    Machine::new(&scene.ward, "office-b").joined();
    let (third, status) = page(&scene);
    assert_eq!((concerns(&third), status), (Vec::new(), 0), "{third}");
    assert_eq!(third["issuers"].as_array().unwrap().len(), 2);
}

#[test]
fn a_device_that_waits_with_no_registrar_there_is_named() {
    let mut scene = Scene::set();
    scene.ward.administrator.cli(&["admin", "registrar", "--once"]).good();
    let guest = scene.ward.device("guest-x");
    let waits = guest.start(&["enrol", &scene.ward.invite("guest-x"), "--device", "phone", "--json"]);
    until("it waits", || page(&scene).0["enrolments_waiting"] == 1);
    // Nobody has asked since the relay started, and whoever looks is nobody.
    scene.ward.relay.restart();
    until("it waits there too", || page(&scene).0["enrolments_waiting"] == 1);
    let (said, status) = page(&scene);
    assert_eq!(concerns(&said), ["registrar_away", "enrolments_waiting", "one_issuer"], "{said}");
    assert_eq!((said.get("registrar_seen"), status), (None, 83));
    scene.ward.administrator.cli(&["admin", "registrar", "--once"]).good();
    let (said, _) = page(&scene);
    assert_eq!(concerns(&said), ["one_issuer"], "the control: {said}");
    drop(waits);
    scene.doctor.cli(&["send", WARD, "all is well"]).good();
}
