//! Administrators made and removed from afar: by the root's file and code, and by what the person's own machine asks and shows.

use serde_json::Value;
use wardline_tests::{Device, Output};

use crate::{
    record::copy_files,
    scene::{Scene, WARD, id, texts, until},
};

/// A ward, and the machine of somebody who is to be an administrator: enrolled as one, with no issuer.
struct Office {
    scene: Scene,
    second: Device,
    files: [String; 4],
}

impl Office {
    fn set() -> Self {
        let scene = Scene::set();
        let code_file = scene.ward.folder().join("recovery.code");
        std::fs::write(&code_file, format!("{}\n", scene.ward.recovery_code)).unwrap();
        let second = scene.ward.people_as("administrator", &["office-b".to_owned()]).remove(0);
        scene.ward.administrator.cli(&["admin", "registrar", "--once"]).good();
        let file = scene.ward.recovery_file().to_str().unwrap().to_owned();
        let code = code_file.to_str().unwrap().to_owned();
        let files = ["--recovery-file".to_owned(), file, "--recovery-code-file".to_owned(), code];
        Self { scene, second, files }
    }

    /// The administrator, with the root's file.
    fn by_root(&self, by: &Device, arguments: &[&str]) -> Output {
        let files = self.files.iter().map(String::as_str);
        let all: Vec<&str> = ["admin", "administrator"]
            .iter()
            .chain(arguments)
            .copied()
            .chain(files)
            .chain(["--json"])
            .collect();
        by.cli(&all)
    }

    fn add(&self, user: &str, code: &str, armed: &[&str]) -> Output {
        self.by_root(&self.scene.ward.administrator.armed(armed), &["add", user, "--code", code])
    }

    fn remove(&self, user: &str, armed: &[&str]) -> Output {
        self.by_root(&self.scene.ward.administrator.armed(armed), &["remove", user, "--yes"])
    }

    /// The second machine asks; its code.
    fn asks(&self) -> String {
        let asked = self.second.ask(&["administrator", "request"]);
        assert_eq!(asked["state"], "requested", "{asked}");
        asked["code"].as_str().unwrap().to_owned()
    }

    /// Who is on the list and who asks, as the first administrator sees them.
    fn list(&self) -> Value {
        self.scene.ward.administrator.ask(&["admin", "administrator", "list"])
    }

    /// Made one: both machines know.
    fn appointed() -> Self {
        let office = Self::set();
        let code = office.asks();
        office.add("office-b", &code, &[]).good();
        assert!(office.is_administrator());
        office
    }

    fn is_administrator(&self) -> bool {
        self.second.cli(&["sync"]).good();
        self.second.ask(&["administrator", "status"])["state"] == "administrator"
    }
}

fn invites(device: &Device, user: &str) -> Output {
    device.cli(&["admin", "invite", user, "--name", "Guest", "--json"])
}

fn users(list: &Value, struck: bool) -> Vec<&str> {
    let issuers = list["issuers"].as_array().unwrap().iter();
    issuers.filter(|one| one["struck"] == struck).map(|one| one["user"].as_str().unwrap()).collect()
}

#[test]
fn a_person_becomes_an_administrator_from_afar_and_one_no_more_while_what_they_certified_goes_on() {
    let mut office = Office::set();
    invites(&office.second, "guest-x").failed(78);
    let code = office.asks();
    assert_eq!(office.asks(), code, "asked again, it is the same key");
    let list = office.list();
    let request = &list["requests"][0];
    assert_eq!((&request["user"], &request["code"]), (&"office-b".into(), &code.clone().into()), "{list}");
    assert_eq!((users(&list, false), list["requests"].as_array().unwrap().len()), (vec!["administrator"], 1));

    let added = office.add("office-b", &code, &[]).good().object();
    assert_eq!((&added["changed"], &added["issuers_list"]), (&true.into(), &2.into()), "{added}");
    assert_eq!(office.add("office-b", &code, &[]).good().object()["changed"], false, "done is done");
    assert!(office.is_administrator());
    let list = office.list();
    assert_eq!(
        (users(&list, false), list["requests"].as_array().unwrap().len()),
        (vec!["administrator", "office-b"], 0)
    );
    let page = office.scene.ward.administrator.cli(&["admin", "status", "--json"]);
    assert_eq!((page.status, page.object()["issuers"][1]["name"].is_string()), (0, true), "{page:?}");

    // The new one invites, certifies and revokes.
    let first = std::mem::replace(&mut office.scene.ward.administrator, office.second.clone());
    let [guest] = office.scene.ward.people(["guest-z"]);
    office.scene.admin(&["hold", &id(&office.scene.locum), "--reason", "lost", "--wait", "0"]);
    office.scene.ward.administrator = first;

    let removed = office.remove("office-b", &[]).good().object();
    assert_eq!((&removed["struck"][0]["kept"], &removed["changed"]), (&1.into(), &true.into()), "{removed}");
    assert_eq!(removed["devices_left"][0]["device"], id(&office.second), "{removed}");
    assert_eq!(office.remove("office-b", &[]).good().object()["changed"], false, "done is done");
    invites(&office.second, "guest-y").failed(78);
    assert_eq!(users(&office.list(), true), ["office-b"]);
    // What they had done stays, and goes on.
    office.scene.locum.cli(&["sync"]).failed(78);
    office.scene.admin(&["reinstate", &id(&office.scene.locum)]);
    office.scene.doctor.cli(&["conversation", "add", WARD, "guest-z"]).good();
    office.scene.doctor.cli(&["send", WARD, "welcome"]).good();
    until("the guest reads", || {
        guest.cli(&["sync"]).good();
        texts(&guest) == ["welcome"]
    });
}

#[test]
fn nobody_is_let_in_whose_code_or_name_is_another() {
    let office = Office::set();
    let code = office.asks();
    // Somebody else's name: the request does not name it.
    let other = office.add("doctor-a", &code, &[]).failed(67).failure();
    assert_eq!(other["what"], "No request of doctor-a waits.");
    let wrong = "00000 11111 22222 33333 44444 55555";
    let refused = office.add("office-b", wrong, &[]).failed(78).failure();
    assert!(refused["what"].as_str().unwrap().contains("code"), "{refused}");
    assert_eq!(office.list()["issuers_list"], 1, "nothing was signed");
    // A role is for as long as a device lives.
    let clinician = office.scene.doctor.cli(&["administrator", "request", "--json"]).failed(78).failure();
    assert!(clinician["now"].as_str().unwrap().contains("--role administrator"), "{clinician}");
    // Each guard taken away.
    assert_eq!(
        office.add("doctor-a", &code, &["mutant.issuer_for_anybody"]).good().object()["changed"],
        true
    );
    assert_eq!(
        users(&office.list(), false),
        ["administrator", "doctor-a"],
        "another's key in doctor-a's name"
    );
    let office = Office::set();
    let code = office.asks();
    assert_eq!(
        office.add("office-b", wrong, &["mutant.issuer_code_unread"]).good().object()["changed"],
        true
    );
    assert!(office.is_administrator());
    assert_ne!(code, wrong);
}

#[test]
fn a_machine_that_is_out_is_not_let_in() {
    let office = Office::set();
    let code = office.asks();
    office.scene.admin(&["hold", &id(&office.second), "--reason", "lost", "--wait", "0"]);
    assert!(office.list()["requests"].as_array().unwrap().is_empty());
    office.add("office-b", &code, &[]).failed(67);
    office.scene.admin(&["reinstate", &id(&office.second)]);
    office.add("office-b", &code, &[]).good();
    assert!(office.is_administrator(), "the control");
}

#[test]
fn nobody_removes_themselves_or_whom_no_issuer_names() {
    let office = Office::appointed();
    let own = office.remove("administrator", &[]).failed(78).failure();
    assert!(own["why"].as_str().unwrap().contains("themselves"), "{own}");
    office.remove("doctor-a", &[]).failed(67);
    // The other one does, and the first one's machine vouches no more.
    office.by_root(&office.second, &["remove", "administrator", "--yes"]).good();
    invites(&office.scene.ward.administrator, "guest-x").failed(78);
    invites(&office.second, "guest-x").good();
    for device in [&office.scene.doctor, &office.scene.nurse, &office.scene.ward.administrator] {
        device.cli(&["sync"]).good();
    }
}

#[test]
fn the_roots_key_is_given_to_no_process_that_is_at_work_already() {
    let office = Office::set();
    let code = office.asks();
    let registrar = office.scene.ward.administrator.start(&["admin", "registrar"]);
    until("it is at work", || office.scene.ward.administrator.home.join("owner.sock").exists());
    let busy = office.add("office-b", &code, &[]).failed(80).failure();
    assert!(busy["now"].as_str().unwrap().contains("registrar"), "{busy}");
    drop(registrar);
    office.add("office-b", &code, &[]).good();
}

#[test]
fn whoever_dies_on_the_way_goes_on_by_the_same_command() {
    // The machine that asks.
    let mut office = Office::set();
    let place = "crash.issuer_key_kept";
    let _ = office.second.armed(&[place]).cli(&["administrator", "request"]).crashed_at(place);
    let kept = office.second.ask(&["administrator", "status"])["code"].as_str().unwrap().to_owned();
    assert!(office.list()["requests"].as_array().unwrap().is_empty());
    office.scene.ward.relay.rearm(&["crash.issuer_requested"]);
    office.second.cli(&["administrator", "request"]).failed(69);
    office.scene.ward.relay.crashed_at("crash.issuer_requested");
    office.scene.ward.relay.rearm(&[]);
    assert_eq!(office.asks(), kept);
    office.scene.ward.relay.restart();
    assert_eq!(office.list()["requests"][0]["code"], kept, "it is on the relay's disk");
    // Whoever holds the root, with the list in force already.
    let place = "crash.administrator_listed";
    let _ = office.add("office-b", &kept, &[place]).crashed_at(place);
    assert_eq!(office.add("office-b", &kept, &[]).good().object()["issuers_list"], 2);
    // The machine that is one now: with the list in its vault it has the issuer too.
    let place = "crash.issuers_kept";
    let _ = office.second.armed(&[place]).cli(&["sync"]).crashed_at(place);
    assert_eq!(office.second.ask(&["administrator", "status", "--offline"])["state"], "administrator");
    invites(&office.second, "guest-x").good();
    // The strike.
    let place = "crash.administrator_struck";
    let _ = office.remove("office-b", &[place]).crashed_at(place);
    let removed = office.remove("office-b", &[]).good().object();
    assert_eq!(
        (&removed["issuers_list"], &removed["struck"][0]["kept"]),
        (&3.into(), &0.into()),
        "{removed}"
    );
    let order = ["admin", "device", "revoke", &id(&office.scene.locum), "--reason", "lost", "--wait", "0"];
    assert!(office.scene.ward.administrator.ask(&order)["in_force"].is_string());
}

#[test]
fn nobody_is_removed_before_somebody_has_said_that_what_stays_good_is_right() {
    let office = Office::appointed();
    let refused = office.by_root(&office.scene.ward.administrator, &["remove", "office-b"]).failed(65);
    assert!(refused.stderr.contains("keeps 0 certificates, of 0 on the record"), "{}", refused.stderr);
    assert!(refused.failure()["now"].as_str().unwrap().contains("--yes"));
    assert!(users(&office.list(), true).is_empty(), "nobody is struck");
    assert_eq!(office.remove("office-b", &[]).good().object()["changed"], true, "the control");
}

/// A removal dies when the root has signed it, and somebody else is let in then: how that ends, and who is struck by it.
fn let_in_after(armed: &[&str]) -> (i32, usize) {
    let office = Office::appointed();
    let place = "crash.strike_signed";
    let _ = office.remove("office-b", &[place]).crashed_at(place);
    let third = office.scene.ward.people_as("administrator", &["office-c".to_owned()]).remove(0);
    let code = third.ask(&["administrator", "request"])["code"].as_str().unwrap().to_owned();
    let added = office.add("office-c", &code, armed).status;
    let struck = users(&office.list(), true).len();
    if armed.is_empty() {
        assert_eq!(office.remove("office-b", &[]).good().object()["changed"], true, "that goes on");
        assert_eq!(office.add("office-c", &code, &[]).good().object()["changed"], true, "and then this");
    }
    (added, struck)
}

#[test]
fn what_the_root_has_signed_for_another_change_is_not_sent_by_this_one() {
    assert_eq!(let_in_after(&[]), (78, 0));
    assert_eq!(
        let_in_after(&["mutant.kept_for_any_change"]).1,
        1,
        "the guard taken away: nobody has asked for it"
    );
}

/// The root has signed that somebody is let in, and it was not sent; their request is gone when it matters. How the same command ends
/// then, and how the strike of somebody else.
fn signed_for_a_request_that_is_gone(armed: &[&str]) -> (i32, i32) {
    let office = Office::set();
    let third = office.scene.ward.people_as("administrator", &["office-c".to_owned()]).remove(0);
    let code = third.ask(&["administrator", "request"])["code"].as_str().unwrap().to_owned();
    office.add("office-c", &code, &[]).good();
    let code = office.asks();
    let place = "crash.issuers_signed";
    let _ = office.add("office-b", &code, &[place]).crashed_at(place);
    office.scene.admin(&["hold", &id(&office.second), "--reason", "lost", "--wait", "0"]);
    let blocked = office.remove("office-c", &[]).failed(78).failure();
    let (why, now) = (blocked["why"].as_str().unwrap(), blocked["now"].as_str().unwrap());
    assert!(
        why.contains("lets in Name of office-b") && now.contains("administrator add office-b"),
        "{blocked}"
    );
    assert!(now.contains(&code), "{blocked}");
    let other = office.add("office-b", "00000 00000 00000 00000 00000 00000", &[]);
    assert_eq!((other.status, users(&office.list(), false).len()), (67, 2), "that is another one's code");
    let added = office.add("office-b", &code, armed);
    if armed.is_empty() {
        assert_eq!(added.object()["changed"], true);
        assert_eq!(users(&office.list(), false), ["administrator", "office-c", "office-b"]);
    }
    (added.status, office.remove("office-c", &[]).status)
}

#[test]
fn what_the_root_has_signed_for_somebody_goes_first_though_their_request_is_gone() {
    assert_eq!(signed_for_a_request_that_is_gone(&[]), (0, 0));
    let waits = signed_for_a_request_that_is_gone(&["mutant.signed_waits_for_request"]);
    assert_eq!(waits, (67, 78), "the guard taken away: nobody is struck from this machine any more");
}

/// The root has signed that a machine is let in, and it was not sent. It is lost, and the same person asks from another. Whether that
/// one's code lets in the first.
fn signed_for_the_machine_before(guard: &[&str]) -> bool {
    let office = Office::set();
    let code = office.asks();
    let place = "crash.issuers_signed";
    let _ = office.add("office-b", &code, &[place]).crashed_at(place);
    let other = office.add("office-b", "11111 11111 11111 11111 11111 11111", guard);
    assert_eq!(other.status == 78, guard.is_empty(), "{other:?}");
    users(&office.list(), false).contains(&"office-b")
}

#[test]
fn what_the_root_has_signed_for_one_machine_no_other_ones_code_sends() {
    assert!(!signed_for_the_machine_before(&[]));
    assert!(signed_for_the_machine_before(&["mutant.signed_for_any_code"]), "the guard taken away");
}

/// The relay comes back from a copy of before somebody was let in; the root is to let in somebody else. How that ends, and which number
/// the list in force has then.
fn asked_of_an_older_relay(guard: &[&str]) -> (i32, u64) {
    let mut office = Office::set();
    let third = office.scene.ward.people_as("administrator", &["office-c".to_owned()]).remove(0);
    let code = third.ask(&["administrator", "request"])["code"].as_str().unwrap().to_owned();
    let (folder, copy) =
        (office.scene.ward.relay.folder().to_owned(), office.scene.ward.folder().join("copy"));
    office.scene.ward.relay.stop();
    copy_files(&folder, &copy);
    office.scene.ward.relay.start();
    let first = office.asks();
    office.add("office-b", &first, &[]).good();
    office.scene.ward.relay.stop();
    for file in std::fs::read_dir(&folder).unwrap().flatten().filter(|file| file.path().is_file()) {
        std::fs::remove_file(file.path()).unwrap();
    }
    copy_files(&copy, &folder);
    office.scene.ward.relay.start();
    let added = office.add("office-c", &code, guard);
    (added.status, office.list()["issuers_list"].as_u64().unwrap_or_default())
}

#[test]
fn the_root_signs_nothing_on_top_of_an_older_list_than_its_machine_has() {
    let (refused, _) = asked_of_an_older_relay(&[]);
    assert_eq!(refused, 76);
    let (signed, _) = asked_of_an_older_relay(&["mutant.root_goes_by_older"]);
    assert_ne!(signed, 76, "the guard taken away");
}
