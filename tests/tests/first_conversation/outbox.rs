//! With the relay away: queued, listed, discarded, and out by itself later.

use wardline_tests::{Device, Output, Ward, programs};

fn texts(device: &Device) -> Vec<String> {
    let read = device.ask_all(&["read", "Ward 4"]);
    read.iter()
        .filter(|one| one["kind"] == "text")
        .map(|one| one["text"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_message_without_a_relay_is_queued_and_goes_out_later() {
    let mut ward = Ward::founded(programs!());
    let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();

    // A vault that is open works without the relay for a while; one that is closed stays closed.
    let _owner = doctor.follow();
    ward.relay.kill();
    let queued = doctor.cli(&["send", "Ward 4", "later", "--json"]);
    assert_eq!((queued.status, &queued.object()["state"]), (75, &"queued".into()));
    let unwanted = doctor.cli(&["send", "Ward 4", "never", "--offline", "--json"]);
    assert_eq!(unwanted.status, 75);
    let unwanted = unwanted.object()["message"].as_str().unwrap().to_owned();
    assert_eq!(doctor.ask(&["status", "--offline"])["queued"], 2);
    let listed = doctor.ask(&["outbox", "list", "--offline"]);
    assert_eq!(listed["outbox"].as_array().unwrap().len(), 2);
    let left = doctor.ask(&["outbox", "discard", &unwanted[..8], "--offline"]);
    assert_eq!(left["outbox"].as_array().unwrap().len(), 1);
    doctor.cli(&["outbox", "discard", &unwanted, "--offline"]).failed(67);
    doctor.cli(&["outbox", "retry", "ffffffff", "--offline"]).failed(67);

    ward.relay.start();
    let synced = doctor.ask(&["sync"]);
    assert_eq!(synced["queued"], 0, "{synced}");
    assert_eq!(texts(&nurse), ["later"]);
    assert_eq!(texts(&doctor), ["later"]);
    assert!(doctor.ask(&["outbox", "list"])["outbox"].as_array().unwrap().is_empty());
}

#[test]
fn a_change_without_a_relay_is_kept_and_made_later() {
    let mut ward = Ward::founded(programs!());
    let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    assert_eq!(nurse.ask(&["conversation", "list"])["conversations"][0]["name"], "Ward 4");
    let _owner = doctor.follow();
    ward.relay.kill();
    doctor.cli(&["conversation", "rename", "Ward 4", "Ward Four"]).failed(75);
    ward.relay.start();
    doctor.cli(&["sync"]).good();
    assert_eq!(nurse.ask(&["conversation", "list"])["conversations"][0]["name"], "Ward Four");
}

#[test]
fn whoever_speaks_as_soon_as_the_relay_is_back_is_heard_at_once_however_long_it_was_away() {
    let mut ward = Ward::founded(programs!());
    let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    // One process keeps the connection, and looks for the relay ever more seldom.
    let _owner = doctor.follow();
    ward.relay.kill();
    std::thread::sleep(std::time::Duration::from_secs(10));
    let away = doctor.cli(&["send", "Ward 4", "into the void", "--json"]);
    assert_eq!((away.status, &away.object()["state"]), (75, &"queued".into()), "the control");
    ward.relay.start();
    let back = doctor.ask(&["send", "Ward 4", "and back"]);
    assert_eq!(back["state"], "sent", "{back}");
    assert_eq!(texts(&nurse), ["into the void", "and back"]);
}

/// The relay is killed and comes back while a process keeps a connection to it that nobody uses. Whether the first command that asks the
/// relay for something is answered.
fn asks_over_a_dead_connection(guard: &[&str]) -> Output {
    let mut ward = Ward::founded(programs!());
    let [doctor] = ward.people(["doctor-a"]);
    let _owner = doctor.armed(guard).follow();
    doctor.cli(&["device", "list"]).good();
    ward.relay.kill();
    ward.relay.start();
    doctor.cli(&["device", "list"])
}

#[test]
fn a_command_over_a_connection_that_died_without_a_word_is_asked_over_a_new_one() {
    asks_over_a_dead_connection(&[]).good();
    asks_over_a_dead_connection(&["mutant.dead_link"]).failed(69);
}
