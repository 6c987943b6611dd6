//! What `--json` prints: one object a line, with the fields that `docs/cli-json.md` names.

use serde_json::Value;
use wardline_tests::{Ward, programs};

/// Fails unless `object` has exactly these fields; those with a question mark may be absent.
#[track_caller]
fn has_fields(object: &Value, fields: &[&str]) {
    let object = object.as_object().expect("an object");
    for field in fields.iter().filter(|field| !field.ends_with('?')) {
        assert!(object.contains_key(*field), "{field} is missing in {object:?}");
    }
    for field in object.keys() {
        let known = fields.iter().any(|known| known.trim_end_matches('?') == field);
        assert!(known, "{field} is not documented: {object:?}");
    }
}

const SUMMARY: [&str; 8] = ["conversation", "name", "state", "unread", "missed", "last?", "held?", "fault?"];

#[test]
fn people_devices_and_invitations_have_the_documented_fields() {
    let ward = Ward::founded(programs!());
    let office = &ward.administrator;
    let [doctor, _nurse] = ward.people(["doctor-a", "nurse-b"]);

    // The office.
    let invited = office.ask(&["admin", "invite", "guest-d"]);
    has_fields(&invited, &["invitation", "id", "user", "expires", "registrar_seen"]);
    let invitations = office.ask(&["admin", "invite", "list"]);
    has_fields(&invitations, &["invitations"]);
    has_fields(&invitations["invitations"][0], &["id", "user", "name", "role", "state", "expires"]);
    let id = invited["id"].as_str().unwrap();
    let cancelled = office.ask(&["admin", "invite", "cancel", &id[..8]]);
    let found = cancelled["invitations"].as_array().unwrap().iter().find(|one| one["id"] == id).cloned();
    assert_eq!(found.unwrap()["state"], "cancelled");
    has_fields(&office.ask(&["admin", "registrar", "--once"]), &["issued", "refused", "renewed"]);

    // The device.
    let status = doctor.ask(&["status"]);
    has_fields(
        &status,
        &[
            "organisation",
            "root",
            "user",
            "name",
            "role",
            "device",
            "device_name",
            "certificate_until",
            "relay",
            "connection",
            "conversations",
            "queued",
            "waiting?",
            "relay_faults",
            "list",
            "warnings?",
        ],
    );
    has_fields(&status["list"], &["number", "signed", "until"]);
    has_fields(&doctor.ask(&["people", "nurse"])["people"][0], &["user", "name", "role", "devices"]);
    has_fields(
        &doctor.ask(&["device", "list"])["devices"][0],
        &["device", "name", "this", "missing_in", "code"],
    );
    has_fields(&doctor.ask(&["sync"]), &["connection", "unread", "missed", "queued", "relay_faults"]);
}

#[test]
fn devices_that_are_out_have_the_documented_fields() {
    const LISTED: [&str; 14] = [
        "device",
        "user",
        "person",
        "name",
        "role",
        "state",
        "since?",
        "reason?",
        "until?",
        "certificate_until",
        "last_seen?",
        "connected",
        "conversations",
        "software?",
    ];
    let ward = Ward::founded(programs!());
    let office = &ward.administrator;
    let [doctor, _nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    let list = office.ask(&["admin", "device", "list"]);
    has_fields(&list, &["devices", "list?", "warnings?"]);
    has_fields(&list["devices"][0], &LISTED);
    let software = list["devices"].as_array().unwrap().iter().filter_map(|one| one["software"].as_str());
    let ours = concat!("wardline/", env!("CARGO_PKG_VERSION"));
    assert!(software.filter(|one| *one == ours).count() >= 2, "{list}");
    let device = doctor.ask(&["status"])["device"].as_str().unwrap().to_owned();

    let order = ["admin", "device", "hold", &device, "--reason", "lost", "--wait", "1"];
    let said = office.ask_all(&order);
    has_fields(&said[0], &["change", "list", "in_force", "devices"]);
    let acted =
        ["device", "user", "name", "state", "reason", "since", "in_force", "conversations", "already"];
    has_fields(&said[0]["devices"][0], &acted);
    has_fields(&said[1], &["progress", "device", "removed", "of"]);
    let status = office.ask(&["admin", "device", "status", &device[..8]]);
    has_fields(&status, &[&LISTED[..], &["removed", "of", "confirmed", "removals"]].concat());
    let removal =
        ["conversation", "list", "in_force", "removed?", "number?", "commit?", "by?", "confirmed_by?"];
    has_fields(&status["removals"][0], &removal);
    has_fields(&doctor.cli(&["sync", "--json"]).failed(78).failure(), &["kind", "what", "why", "now"]);
}

#[test]
fn the_record_and_a_proof_from_it_have_the_documented_fields() {
    let ward = Ward::founded(programs!());
    let office = &ward.administrator;
    let [doctor, _nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    let status = doctor.ask(&["status"]);
    let device = status["device"].as_str().unwrap();
    office.cli(&["admin", "device", "hold", device, "--reason", "lost", "--wait", "0"]).good();
    let log = office.ask(&["admin", "log", "--verify"]);
    has_fields(&log, &["entries", "checked"]);
    has_fields(&log["checked"], &["size", "root", "fits"]);
    for entry in log["entries"].as_array().unwrap() {
        has_fields(entry, &["number", "time", "act", "devices?", "text"]);
    }
    let file = ward.folder().join("record.json");
    let path = file.to_str().unwrap();
    let written = office.ask(&["admin", "device", "record", device, "--out", path]);
    has_fields(&written, &["file", "says"]);
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let fields =
        ["removal_record", "says", "root", "issuers", "device", "checkpoint", "relay", "lists", "entries"];
    has_fields(&whole, &fields);
    let proven = office.ask(&["admin", "verify", path, "--root", status["root"].as_str().unwrap()]);
    has_fields(&proven, &["organisation", "root", "device", "user", "name", "record", "acts", "removals"]);
    let act = ["change", "reason", "list", "signed", "issuer", "in_force", "conversations"];
    has_fields(&proven["acts"][0], &act);
    let removal = [
        "conversation",
        "list",
        "in_force",
        "state",
        "removed?",
        "log?",
        "number?",
        "epoch?",
        "commit?",
        "by?",
        "by_device?",
        "confirmed_by?",
        "confirmed_by_device?",
        "confirmed?",
    ];
    has_fields(&proven["removals"][0], &removal);
    let open = office.cli(&["admin", "verify", path, "--json"]).failed(82).failure();
    has_fields(&open, &["kind", "what", "why", "now"]);
}

#[test]
fn conversations_messages_and_failures_have_the_documented_fields() {
    let ward = Ward::founded(programs!());
    let [doctor, _nurse, _locum] = ward.people(["doctor-a", "nurse-b", "locum-c"]);

    // The conversation.
    let created = doctor.ask(&["conversation", "create", "Ward 4", "--with", "nurse-b"]);
    has_fields(&created, &["conversation", "change", "people?"]);
    let id = created["conversation"].as_str().unwrap();
    assert_eq!(
        (created["change"].as_str(), &created["people"]),
        (Some("created"), &serde_json::json!(["nurse-b"]))
    );
    has_fields(
        &doctor.ask(&["conversation", "add", &id[..6], "locum-c"]),
        &["conversation", "change", "people?"],
    );
    has_fields(
        &doctor.ask(&["conversation", "remove", id, "locum-c"]),
        &["conversation", "change", "people?"],
    );
    has_fields(
        &doctor.ask(&["conversation", "rename", id, "Ward Four"]),
        &["conversation", "change", "people?"],
    );
    let sent = doctor.ask(&["send", id, "a note"]);
    has_fields(&sent, &["state", "message", "conversation", "number", "time"]);
    let read = doctor.ask_all(&["read", id]);
    for message in &read {
        has_fields(message, &["number", "kind", "from", "name", "device", "time", "expires?", "text"]);
    }
    let last = read.last().unwrap();
    assert_eq!(
        (&last["number"], &last["text"], &last["time"]),
        (&sent["number"], &"a note".into(), &sent["time"])
    );
    let list = doctor.ask(&["conversation", "list"]);
    has_fields(&list["conversations"][0], &SUMMARY);
    let detail = doctor.ask(&["conversation", "show", id]);
    let always = ["retention_seconds", "safety_code", "protection", "number", "members"];
    let more = [&always[..], &["member_faults?", "waiting?", "relay_faults?"]].concat();
    has_fields(&detail, &[&SUMMARY[..], &more[..]].concat());
    assert_eq!(detail["protection"], "post-quantum");
    has_fields(&detail["members"][0], &["user", "name", "role", "keeper", "devices"]);
    has_fields(&detail["members"][0]["devices"][0], &["device", "name"]);
    let queued = doctor.cli(&["send", id, "queued", "--offline", "--json"]).object();
    has_fields(&queued, &["state", "message", "conversation", "why"]);
    assert_eq!(queued["why"], "there is no connection");
    let outbox = doctor.ask(&["outbox", "list", "--offline"]);
    has_fields(&outbox["outbox"][0], &["message", "conversation", "state", "time", "why?"]);

    // A failure.
    let failure = doctor.cli(&["read", "Ward 9", "--json"]).failed(67).failure();
    has_fields(&failure, &["kind", "what", "why", "now"]);
    assert_eq!(failure["kind"], "unknown");
}

#[test]
fn completions_are_printed_for_each_shell() {
    let ward = Ward::stopped(programs!());
    for shell in ["bash", "zsh", "fish"] {
        let script = ward.administrator.cli(&["completions", shell]).good().stdout;
        assert!(script.contains("wardline") && script.contains("conversation"), "{shell}");
    }
}
