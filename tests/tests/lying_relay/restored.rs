//! A relay that came back from an older copy of its database and goes on: not a lie that anybody meant, and as bad as one.
//!
//! The control is the scene before the restore, in which the same copy is made and nobody notices anything.

use wardline_tests::Device;

use crate::scene::{CAUGHT, Scene, WARD, assert_caught, assert_silent, read};

/// A message that the relay has acknowledged, that the doctor and the nurse have and the locum has not; then the relay loses
/// it. Answers its number as well.
fn restored() -> (Scene, u64) {
    let mut scene = Scene::honest();
    scene.keep_copy("older");
    let number = scene.says();
    for device in [&scene.nurse, &scene.doctor] {
        assert_silent(device, WARD);
    }
    assert_eq!(scene.texts(&scene.nurse), scene.all(), "the control: the copy changes nothing");
    scene.keep_copy("newer");
    scene.restore("older");
    (scene, number)
}

/// Something in the conversation that a device has not, by somebody whose log is the relay's.
fn the_locum_says(scene: &Scene, text: &str) -> u64 {
    scene.locum.ask(&["send", WARD, text])["number"].as_u64().expect("a number")
}

#[test]
fn a_relay_that_lost_what_a_device_has_is_named_and_stops_no_other_conversation() {
    let (scene, number) = restored();
    let fault = assert_caught(&scene.nurse, WARD, "rewound");
    assert_eq!(
        (&fault["number"], &fault["evidence"]["relay_number"]),
        (&number.into(), &(number - 1).into())
    );
    scene.assert_nobody_is_out(&scene.nurse);
    // What she says waits, and what she has stays.
    let sent = scene.nurse.cli(&["send", WARD, "are you there?", "--json"]);
    assert_eq!((sent.status, &sent.object()["state"]), (75, &"queued".into()), "{sent:?}");
    assert_eq!(scene.texts(&scene.nurse), scene.all());
    // In a new conversation they go on.
    scene.doctor.cli(&["conversation", "create", "Night", "--with", "nurse-b", "--with", "locum-c"]).good();
    scene.doctor.cli(&["send", "Night", "here we go on"]).good();
    for device in [&scene.nurse, &scene.locum] {
        let night = read(device, "Night").good().objects();
        assert!(night.iter().any(|one| one["text"] == "here we go on"), "{night:?}");
    }
}

/// The relay writes on from where it came back: its log is as long as the nurse's, and another.
#[test]
fn a_second_history_is_named_by_who_has_the_first_and_not_taken_in() {
    let (scene, number) = restored();
    assert_eq!(the_locum_says(&scene, "another history"), number, "the number is given away again");
    // Nobody would notice: what the doctor said is not at the locum's, and the locum's words are nowhere else.
    assert_silent(&scene.nurse.armed(&["mutant.rewound"]), WARD);
    assert_silent(&scene.locum, WARD);

    let fault = assert_caught(&scene.nurse, WARD, "rewound");
    assert_eq!((&fault["number"], &fault["evidence"]["relay_number"]), (&number.into(), &number.into()));
    assert_ne!(fault["evidence"]["ours"], fault["evidence"]["relay_hash"]);
    scene.assert_nobody_is_out(&scene.nurse);

    // And when it is longer: what came in between is not to be had any more, and nothing is followed in ignorance of it.
    the_locum_says(&scene, "and on");
    assert_caught(&scene.nurse, WARD, "rewound");
    assert_caught(&scene.doctor, WARD, "rewound");
    let shown = read(&scene.nurse, WARD).objects();
    assert!(shown.iter().all(|one| one["text"] != "and on"), "{shown:?}");
    assert_eq!(scene.texts(&scene.nurse), scene.all(), "what she has stays");
}

#[test]
fn a_relay_that_finds_the_right_log_again_is_followed_again() {
    let (mut scene, number) = restored();
    the_locum_says(&scene, "another history");
    assert_caught(&scene.nurse, WARD, "rewound");
    scene.nurse.cli(&["send", WARD, "are you there?"]).failed(75);

    scene.restore("newer");
    scene.says();
    assert_eq!(scene.texts(&scene.nurse), scene.all(), "nothing is lost");
    // It waits until what waits has gone out, which reading does not.
    scene.nurse.cli(&["sync"]).failed(CAUGHT);
    let sent = read(&scene.doctor, WARD);
    assert!(
        sent.objects().iter().any(|one| one["text"] == "are you there?"),
        "what waited is sent: {sent:?}"
    );
    // Now it is the locum whose log is another.
    let fault = assert_caught(&scene.locum, WARD, "rewound");
    assert_eq!(fault["number"], number);
}

/// Somebody new has opened the Welcome and has not had the entry it came with when the relay loses both.
#[test]
fn a_relay_that_lost_whom_it_let_in_is_named_by_them_and_stops_no_other_conversation() {
    let mut scene = Scene::honest();
    let [porter] = scene.ward.people(["porter-p"]);
    scene.doctor.cli(&["conversation", "create", "Night", "--with", "porter-p"]).good();
    porter.cli(&["sync"]).good();
    scene.keep_copy("older");
    let number = scene.says();
    scene.doctor.cli(&["conversation", "add", WARD, "porter-p"]).good();
    let cut = porter.armed(&["crash.welcome_stored=1*return"]).cli(&["sync"]);
    assert!(cut.stderr.contains("crash.welcome_stored"), "{cut:?}");
    assert_silent_list(&porter);
    scene.restore("older");

    // What it is in by is behind the relay's head: without the guard nothing is noticed.
    let unguarded = porter.armed(&["mutant.less_before_joined"]);
    assert_eq!(unguarded.cli(&["sync", "--json"]).object()["relay_faults"], 0);
    let fault = assert_caught(&porter, WARD, "rewound");
    assert_eq!(fault["evidence"]["relay_number"], 0, "it never was in, as the relay has it");
    assert_eq!(fault["number"], number, "as far as it was said to be when it was let in");
    // Elsewhere it talks on.
    let sent = porter.cli(&["send", "Night", "still here", "--json"]);
    assert_eq!(sent.object()["state"], "sent", "{sent:?}");
    let night = read(&scene.doctor, "Night").objects();
    assert!(night.iter().any(|one| one["text"] == "still here"), "{night:?}");
}

/// The control: it is in both conversations, and nobody lied.
fn assert_silent_list(device: &Device) {
    let listed = device.ask(&["conversation", "list", "--offline"]);
    let conversations = listed["conversations"].as_array().expect("an array");
    assert_eq!(conversations.len(), 2, "{listed}");
    assert!(conversations.iter().all(|one| one.get("fault").is_none()), "{listed}");
}
