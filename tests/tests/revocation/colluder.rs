//! A member colludes with whoever has the revoked device: it declares the device out, and its commit removes nobody.
//!
//! What the colluder says itself is lost in any case; what is guarded is what the others say.

use wardline_proto::ConversationId;
use wardline_tests::{Ward, programs};

use crate::{
    attack::{Stolen, opened},
    scene::{WARD, id, texts, until},
    tap::Tap,
};

/// What honest members say once the relay has the device out.
const SAID: [&str; 3] = ["for us only", "and this", "and this as well"];

/// What they said before the instant: the control, by the same code with the same vault.
const BEFORE: &str = "for all of us";

#[test]
fn a_member_that_declares_a_revoked_device_out_and_keeps_it_in_gives_it_nothing_of_the_others() {
    let ward = Ward::quick(programs!());
    let [doctor, nurse, mallory, locum] = ward.people(["doctor-a", "nurse-b", "mallory", "locum-c"]);
    let tap = Tap::enrol(&ward, "tap-e");
    let mut create = vec!["conversation", "create", WARD];
    for user in ["nurse-b", "mallory", "locum-c", "tap-e"] {
        create.extend(["--with", user]);
    }
    let created = doctor.ask(&create)["conversation"].as_str().unwrap().to_owned();
    let conversation = data_encoding::HEXLOWER.decode(created.as_bytes()).unwrap();
    let conversation = ConversationId::try_from(conversation.as_slice()).unwrap();
    for device in [&nurse, &mallory, &locum] {
        device.cli(&["sync"]).good();
    }
    let stolen = Stolen::open(&locum.copy_to(&ward.folder().join("locum-stolen")).unwrap());
    doctor.cli(&["send", WARD, BEFORE]).good();

    // Nobody else is online: the colluder's client is asked to put the device out, and says that it did.
    let device = id(&locum);
    let liar = mallory.armed(&["member.keep_removed", "mutant.submit_to_revoked"]).follow();
    let order = ["admin", "device", "revoke", &device, "--reason", "stolen", "--wait", "0"];
    assert!(ward.administrator.ask(&order)["in_force"].is_string());
    until("the relay has it out", || {
        let status = ward.administrator.ask(&["admin", "device", "status", &device]);
        status["removals"][0]["number"].is_u64()
    });
    drop(liar);

    let online = [doctor.follow(), nurse.follow()];
    for (by, text) in [&doctor, &nurse, &doctor].into_iter().zip(SAID) {
        // It may have to wait until the lie is mended.
        let sent = by.cli(&["send", WARD, text]);
        assert!([0, 75, 81].contains(&sent.status), "{sent:?}");
    }
    until("both read all of it", || {
        [&doctor, &nurse]
            .iter()
            .all(|device| SAID.iter().all(|text| texts(device).contains(&(*text).to_owned())))
    });
    drop(online);
    let shown = nurse.cli(&["conversation", "show", WARD, "--json"]).stdout;
    assert!(shown.contains("mallory"), "who lied is named: {shown}");
    let opened = opened(&stolen, (conversation, 0), &tap.traffic());
    assert!(opened.contains(BEFORE), "the control: {opened:?}");
    assert!(SAID.iter().all(|text| !opened.contains(*text)), "{opened:?}");
}
