//! The relay's record over real processes: the proof of a removal, what an administrator reads, and a relay that changes what it
//! has written (design 4.7; P3e, P8).

use std::{fs, path::Path};

use serde_json::Value;
use wardline_client_core::api::verify_removal_record;
use wardline_tests::{Device, Owner};

use crate::scene::{Scene, WARD, id, until};

/// A device is revoked, another member puts it out, and a third confirms it. The connected devices live as long as what is given.
fn confirmed(scene: &Scene) -> ([Owner; 2], String) {
    let online = [scene.online(&scene.doctor), scene.online(&scene.nurse)];
    let device = id(&scene.locum);
    scene.admin(&["revoke", &device, "--reason", "lost", "--wait", "20"]);
    until("a second member confirms it", || scene.status(&scene.locum)["confirmed"] == 1);
    (online, device)
}

/// Has the removal record of a device written; its text.
fn record(scene: &Scene, device: &str, file: &Path) -> String {
    let out = file.to_str().unwrap();
    scene.ward.administrator.cli(&["admin", "device", "record", device, "--out", out]).good();
    fs::read_to_string(file).unwrap()
}

fn root(scene: &Scene) -> String {
    scene.ward.administrator.ask(&["status", "--offline"])["root"].as_str().unwrap().to_owned()
}

#[test]
fn the_record_of_a_removal_is_checked_by_anybody_without_a_relay_or_a_home() {
    let mut scene = Scene::set();
    let (online, device) = confirmed(&scene);
    let status = scene.status(&scene.locum);
    let removal = &status["removals"][0];
    let mut people = [removal["by"].as_str().unwrap(), removal["confirmed_by"].as_str().unwrap()];
    people.sort_unstable();
    assert_eq!(people, ["doctor-a", "nurse-b"], "{status}");
    let file = scene.ward.folder().join("record.json");
    let text = record(&scene, &device, &file);
    keep_as_sample(&text);
    let (path, root) = (file.to_str().unwrap(), root(&scene));
    // It is written over by nothing but --force.
    let again = ["admin", "device", "record", &device, "--out", path];
    scene.ward.administrator.cli(&again).failed(73);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    scene.ward.administrator.cli(&[&again[..], &["--force"]].concat()).good();
    drop(online);
    scene.ward.relay.stop();

    let nobody = scene.ward.device("auditor");
    let proven = nobody.ask(&["admin", "verify", path, "--root", &root]);
    assert_eq!((&proven["device"], &proven["user"]), (&device.as_str().into(), &"locum-c".into()));
    assert_eq!(proven["acts"][0]["change"], "revoked");
    assert_eq!(proven["acts"][0]["in_force"], removal["in_force"]);
    let out = &proven["removals"][0];
    for field in ["conversation", "number", "commit", "by", "confirmed_by"] {
        assert_eq!(out[field], removal[field], "{field}");
    }
    assert_eq!(out["state"], "confirmed");
    // Without the root it says what to compare; under another it is nobody's.
    let open = nobody.cli(&["admin", "verify", path, "--json"]).failed(82).failure();
    assert!(open["why"].as_str().unwrap().contains(&root), "{open}");
    let last = if root.ends_with('0') { '1' } else { '0' };
    let other = format!("{}{last}", &root[..root.len() - 1]);
    let other = nobody.cli(&["admin", "verify", path, "--root", &other, "--json"]).failed(82).failure();
    assert!(other["why"].as_str().unwrap().contains(&root), "{other}");

    every_change_shows(&text, &root);
}

/// Where samples for the fuzz targets are made, this is the one of a removal record (docs/fuzzing.md).
fn keep_as_sample(text: &str) {
    if std::env::var_os("WARDLINE_FUZZ_SAMPLES").is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora/removal_record");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("confirmed"), text).unwrap();
    }
}

/// Changes each thing in the file, one at a time.
fn every_change_shows(text: &str, root: &str) {
    let whole: Value = serde_json::from_str(text).unwrap();
    let passes = |value: &Value| verify_removal_record(&value.to_string(), Some(root)).is_ok();
    assert!(passes(&whole), "the control");
    let mut places = Vec::new();
    walk(&whole, &mut Vec::new(), &mut places);
    let mut changed = 0;
    for place in &places {
        for change in CHANGES {
            let mut other = whole.clone();
            if change(at(&mut other, place)) {
                assert!(!passes(&other), "{place:?} of {text}");
                changed += 1;
            }
        }
        if let Some((last, parent)) = place.split_last() {
            let mut other = whole.clone();
            match (at(&mut other, parent), last) {
                (Value::Object(fields), Step::Field(name)) => drop(fields.remove(name)),
                (Value::Array(items), Step::Item(index)) => drop(items.remove(*index)),
                _ => unreachable!(),
            }
            assert!(!passes(&other), "without {place:?}");
            changed += 1;
        }
    }
    // All that is in it: one list, one removal, three entries with their proofs.
    assert!(places.len() > 60 && changed > 3 * places.len(), "{} places, {changed} changes", places.len());
    let fields: Vec<&String> = whole.as_object().unwrap().keys().collect();
    let all =
        ["checkpoint", "device", "entries", "issuers", "lists", "relay", "removal_record", "root", "says"];
    assert_eq!(fields, all);
}

#[derive(Debug, Clone)]
enum Step {
    Field(String),
    Item(usize),
}

/// All places of a value, itself first.
fn walk(value: &Value, here: &mut Vec<Step>, places: &mut Vec<Vec<Step>>) {
    places.push(here.clone());
    let inner: Vec<(Step, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (Step::Field(name.clone()), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (Step::Item(index), item)).collect()
        }
        _ => Vec::new(),
    };
    for (step, value) in inner {
        here.push(step);
        walk(value, here, places);
        here.pop();
    }
}

fn at<'a>(value: &'a mut Value, place: &[Step]) -> &'a mut Value {
    place.iter().fold(value, |value, step| match step {
        Step::Field(name) => &mut value[name.as_str()],
        Step::Item(index) => &mut value[*index],
    })
}

/// What is done to a place; `false` if it is nothing there.
type Change = fn(&mut Value) -> bool;

/// Another character at the beginning, in the middle and at the end, something more, something else, nothing.
const CHANGES: [Change; 6] = [
    |value| alter(value, |_| 0),
    |value| alter(value, |length| length / 2),
    |value| alter(value, |length| length - 1),
    |value| match value {
        Value::String(text) => {
            text.push('0');
            true
        }
        Value::Number(number) => {
            *value = (number.as_u64().unwrap() + 1).into();
            true
        }
        Value::Array(items) => {
            let more = items.last().cloned().unwrap_or(Value::Null);
            items.push(more);
            true
        }
        Value::Object(fields) => {
            fields.insert("more".to_owned(), Value::Bool(true));
            true
        }
        Value::Null | Value::Bool(_) => false,
    },
    |value| {
        *value = Value::Null;
        true
    },
    |value| match value {
        Value::String(text) if !text.is_empty() => {
            text.clear();
            true
        }
        _ => false,
    },
];

/// Another character at this place of a text: another hex digit where it is one.
fn alter(value: &mut Value, place: fn(usize) -> usize) -> bool {
    let Value::String(text) = value else { return false };
    let mut letters: Vec<char> = text.chars().collect();
    if letters.is_empty() {
        return false;
    }
    let place = place(letters.len());
    letters[place] = if letters[place] == '0' { '1' } else { '0' };
    *text = letters.into_iter().collect();
    true
}

#[test]
fn what_was_done_is_read_in_words_by_administrators_and_by_nobody_else() {
    let scene = Scene::set();
    let (online, device) = confirmed(&scene);
    let administrator = &scene.ward.administrator;
    let log = |more: &[&str]| administrator.ask(&[&["admin", "log"], more].concat());
    let entries = |log: &Value| log["entries"].as_array().unwrap().clone();
    let all = log(&["--verify"]);
    let acts: Vec<&str> =
        all["entries"].as_array().unwrap().iter().map(|one| one["act"].as_str().unwrap()).collect();
    for act in [
        "issuers_list_taken",
        "invitation_published",
        "device_certified",
        "list_in_force",
        "removal_closed",
        "removal_confirmed",
    ] {
        assert!(acts.contains(&act), "{act}: {acts:?}");
    }
    assert_eq!(all["checked"]["fits"], true);
    assert_eq!(all["checked"]["size"], acts.len());
    let numbers: Vec<u64> = entries(&all).iter().map(|one| one["number"].as_u64().unwrap()).collect();
    assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{numbers:?}");
    // What is asked for, and nothing else.
    let of_device = entries(&log(&["--device", &device[..8]]));
    assert!(of_device.len() >= 4 && of_device.len() < acts.len());
    let names = |one: &Value| one["devices"].as_array().unwrap().contains(&device.as_str().into());
    assert!(of_device.iter().all(names), "{of_device:?}");
    let checked = log(&["--device", &device[..8], "--verify"]);
    assert_eq!(entries(&checked), of_device, "the relay left none of them out");
    let of_user = entries(&log(&["--user", "locum-c"]));
    assert!(
        of_user.iter().any(|one| one["act"] == "invitation_published") && of_user.len() > of_device.len()
    );
    assert_eq!(entries(&log(&["--since", "1h"])).len(), acts.len());
    assert!(entries(&log(&["--since", "2036-01-01"])).is_empty());
    let words = administrator.cli(&["admin", "log", "--verify"]).good().stdout;
    for text in [
        "revoked locum-c's “",
        "is out of conversation",
        "confirmed, signed by",
        "are those that the relay has signed for",
    ] {
        assert!(words.contains(text), "{text}: {words}");
    }
    assert!(!words.contains(WARD), "no conversation's name is on the record");
    // Members have no business in it.
    scene.locum.cli(&["admin", "log"]).failed(78);
    drop(online);
    scene.nurse.cli(&["admin", "log"]).failed(78);
    let file = scene.ward.folder().join("record.json");
    for (device, status) in [(&device, 67), (&id(&scene.nurse), 78)] {
        let record = ["admin", "device", "record", device, "--out", file.to_str().unwrap()];
        scene.nurse.cli(&record).failed(status);
        assert!(!file.exists());
    }
}

/// What a device says that the relay was caught doing to all conversations: kinds.
fn caught(device: &Device) -> Vec<String> {
    let shown = device.cli(&["conversation", "show", WARD, "--offline", "--json"]).object();
    let faults = shown["relay_faults"].as_array().cloned().unwrap_or_default();
    faults.iter().map(|fault| fault["relay_fault"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_relay_that_changes_its_record_is_named_at_the_next_greeting() {
    for (lie, kind) in
        [("relay.record_rewritten", "record_forked"), ("relay.record_shortened", "record_shortened")]
    {
        let mut scene = Scene::set();
        for device in [&scene.doctor, &scene.nurse, &scene.locum] {
            device.cli(&["sync"]).good();
        }
        scene.ward.relay.restart();
        scene.nurse.cli(&["sync"]).good();
        assert!(caught(&scene.nurse).is_empty(), "the control: {lie}");
        scene.ward.relay.rearm(&[lie]);
        // Guards taken away: one that takes any head, and one that has kept none.
        let careless = scene.locum.armed(&["mutant.any_record"]);
        careless.cli(&["sync"]).good();
        assert!(caught(&careless).is_empty(), "{lie}");
        scene.nurse.cli(&["sync"]).failed(81);
        assert_eq!(caught(&scene.nurse), [kind], "{lie}");
        // Both heads are kept, as the relay has signed them; and messages go on.
        let shown = scene.nurse.cli(&["conversation", "show", WARD, "--offline", "--json"]).object();
        let evidence = &shown["relay_faults"][0]["evidence"];
        for head in ["head", "head_before"] {
            assert!(evidence[head].as_str().unwrap().starts_with("wardline."), "{evidence}");
        }
        assert_ne!(evidence["head"], evidence["head_before"]);
        assert_eq!(scene.doctor.ask(&["send", WARD, "still here"])["state"], "sent");
        if lie == "relay.record_rewritten" {
            // Whoever reads all of it sees it as well.
            let log = scene.ward.administrator.cli(&["admin", "log", "--verify", "--json"]).failed(81);
            assert_eq!(log.object()["checked"]["fits"], false);
        }
    }
}

#[test]
fn what_a_device_does_not_keep_of_the_record_it_cannot_hold_against_the_relay() {
    let mut scene = Scene::set();
    // The device forgets each head: the guard taken away from the beginning.
    let forgetful = scene.ward.device("forgetful").armed(&["mutant.record_unkept"]);
    let invitation = scene.ward.invite("forgetful");
    let registrar = scene.ward.administrator.start(&["admin", "registrar"]);
    forgetful.cli(&["enrol", &invitation, "--device", "phone"]).good();
    drop(registrar);
    for device in [&forgetful, &scene.nurse] {
        device.cli(&["sync"]).good();
    }
    scene.ward.relay.rearm(&["relay.record_rewritten"]);
    forgetful.cli(&["sync"]).good();
    scene.nurse.cli(&["sync"]).failed(81);
}

#[test]
fn a_relay_that_is_restored_from_a_copy_shows_a_shorter_record_than_it_had() {
    let mut scene = Scene::set();
    let (folder, copy) = (scene.ward.relay.folder().to_owned(), scene.ward.folder().join("copy"));
    scene.ward.relay.stop();
    copy_files(&folder, &copy);
    scene.ward.relay.start();
    scene.nurse.cli(&["sync"]).good();
    assert!(caught(&scene.nurse).is_empty(), "the control: the copy changes nothing");
    let _invitation = scene.ward.invite("doctor-d");
    scene.nurse.cli(&["sync"]).good();
    scene.ward.relay.stop();
    for file in fs::read_dir(&folder).unwrap().flatten().filter(|file| file.path().is_file()) {
        fs::remove_file(file.path()).unwrap();
    }
    copy_files(&copy, &folder);
    scene.ward.relay.start();
    scene.nurse.cli(&["sync"]).failed(81);
    assert_eq!(caught(&scene.nurse), ["record_shortened"]);
}

pub(crate) fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().flatten().filter(|file| file.path().is_file()) {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
