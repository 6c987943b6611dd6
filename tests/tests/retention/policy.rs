//! The policy, by hand: an administrator signs it, and every device and the relay go by it, each by itself.

use std::time::Duration;

use crate::scene::{DAY, HOUR, Scene, WARD, is_about, life};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn messages_live_no_longer_than_the_policy_permits_and_new_conversations_begin_with_what_it_says() {
    let scene = Scene::set();
    let (doctor, nurse) = (&scene.doctor, &scene.nurse);
    let unset = scene.ward.administrator.ask(&["admin", "policy", "show"]);
    assert_eq!((&unset["policy"]["number"], &unset["changed"]), (&0.into(), &false.into()));
    doctor.cli(&["send", WARD, "before"]).good();
    let signed = scene.policy(|file| file.replace("\"365d\"", "\"2h\"").replace("\"30d\"", "\"1h\""));
    assert_eq!((&signed["policy"]["number"], &signed["changed"]), (&1.into(), &true.into()));
    doctor.cli(&["send", WARD, "after"]).good();
    nurse.cli(&["sync"]).good();
    for device in [doctor, nurse] {
        assert!(is_about(life(device, "before"), 30 * DAY), "what was sent keeps its life");
        assert!(is_about(life(device, "after"), 2 * HOUR));
    }
    let refused = doctor.cli(&["send", WARD, "no", "--expires", "3h"]).failed(65);
    assert!(refused.stderr.contains("2 hours"), "{}", refused.stderr);
    let retention = ["conversation", "set", WARD, "--retention", "1d"];
    let refused = doctor.cli(&retention).failed(78);
    assert!(refused.stderr.contains("2 hours at most (policy 1)"), "{}", refused.stderr);
    doctor.armed(&["mutant.any_retention"]).cli(&retention).good();
    doctor.cli(&["conversation", "create", "Ward 5"]).good();
    let show = |name| doctor.ask(&["conversation", "show", name])["retention_seconds"].as_i64().unwrap();
    assert_eq!((show(WARD), show("Ward 5")), (2 * HOUR, HOUR));
    let log = scene.ward.administrator.cli(&["admin", "log"]).good().stdout;
    assert!(log.contains("signed by administrator's issuer, is in force with policy 1"), "{log}");
    // Signed again with nothing new, nothing changes; and it is there after the relay has begun anew.
    let file = scene.policy_file(|file| format!("{file}# nothing new\n"));
    let same = scene.ward.administrator.ask(&["admin", "policy", "publish", &file, "--yes"]);
    assert_eq!((&same["policy"]["number"], &same["changed"]), (&1.into(), &false.into()));
}

/// A client that heeds no policy sends for a month where an hour is permitted, to a relay with this fault. How that ends, and for
/// how long the message lives at a member that keeps the protocol with that member's fault.
fn heedless(relay: &[&str], member: &[&str]) -> (i32, Option<i64>) {
    let mut scene = Scene::set();
    scene.policy(|file| file.replace("\"365d\"", "\"1h\"").replace("\"30d\"", "\"1h\""));
    scene.nurse.cli(&["sync"]).good();
    scene.ward.relay.rearm(relay);
    let heedless = scene.doctor.armed(&["mutant.policy_unheeded", "mutant.policy_refused_for_good"]);
    let sent = heedless.cli(&["send", WARD, "for a month"]);
    let nurse = scene.nurse.armed(member);
    nurse.cli(&["sync"]).good();
    let read = nurse.ask_all(&["read", WARD]);
    let came = read.iter().any(|one| one["text"] == "for a month");
    (sent.status, came.then(|| life(&nurse, "for a month")))
}

#[test]
fn a_client_that_heeds_no_policy_is_refused_by_the_relay_and_where_that_lies_too_by_every_member() {
    assert_eq!(heedless(&[], &[]), (78, None), "the relay refuses");
    let (status, life) = heedless(&["relay.no_policy"], &[]);
    assert!(status == 0 && is_about(life.unwrap(), HOUR), "its receivers keep it for an hour: {life:?}");
    let (status, life) = heedless(&["relay.no_policy"], &["mutant.any_life_received"]);
    assert!(status == 0 && is_about(life.unwrap(), 30 * DAY), "both guards taken away: {life:?}");
}

#[test]
fn a_policy_made_from_an_older_one_is_refused_and_nothing_is_signed_unasked() {
    let scene = Scene::set();
    let administrator = &scene.ward.administrator;
    let stale = scene.policy_file(|file| file.replace("\"365d\"", "\"90d\""));
    let asks = administrator.cli(&["admin", "policy", "publish", &stale]).failed(65);
    assert!(asks.stderr.contains("no terminal") && asks.stderr.contains("longest_life: 365d → 90d"));
    std::fs::rename(&stale, format!("{stale}.stale")).unwrap();
    let stale = format!("{stale}.stale");
    assert_eq!(scene.policy(|file| file.replace("\"365d\"", "\"60d\""))["policy"]["number"], 1);
    let publish = ["admin", "policy", "publish", &stale, "--yes"];
    let refused = administrator.cli(&publish).failed(78);
    assert!(refused.stderr.contains("somebody has changed it meanwhile"), "{}", refused.stderr);
    let overruled = administrator.armed(&["mutant.policy_overruled"]).ask(&publish);
    assert_eq!(overruled["policy"]["number"], 2, "the guard taken away");
    // What is no policy, and whoever may sign none.
    let wrong = scene.policy_file(|file| file.replace("longest_text", "longest_texts"));
    administrator.cli(&["admin", "policy", "publish", &wrong, "--yes"]).failed(65);
    let zero = scene.policy_file(|file| file.replace("\"90d\"", "\"1m\""));
    administrator.cli(&["admin", "policy", "publish", &zero, "--yes"]).failed(65);
    let right = scene.policy_file(|file| file.replace("\"90d\"", "\"91d\""));
    scene.doctor.cli(&["admin", "policy", "publish", &right, "--yes"]).failed(78);
    assert_eq!(administrator.ask(&["admin", "policy", "publish", &right, "--yes"])["policy"]["number"], 3);
}

#[test]
fn the_editor_changes_the_policy_and_what_was_written_is_kept_until_it_is_in_force() {
    let scene = Scene::set();
    let administrator = &scene.ward.administrator;
    let edit = |editor: &str| {
        let mut command = administrator.command(&["admin", "policy", "edit"]);
        let output = command.env("VISUAL", editor).stdin(std::process::Stdio::null()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, said) = edit("sed -i s/365d/90d/");
    assert!(status == 65 && said.contains("policy.draft.toml"), "it asks, and nobody answers: {said}");
    let draft = administrator.home.join("policy.draft.toml");
    assert!(std::fs::read_to_string(&draft).unwrap().contains("90d"));
    let (status, said) = edit("false");
    assert!(status == 65 && said.contains("did not end well"), "{said}");
    let (_, said) = edit("true");
    assert!(said.contains("Going on with the draft") && said.contains("365d → 90d"), "{said}");
    let published = administrator.ask(&["admin", "policy", "publish", draft.to_str().unwrap(), "--yes"]);
    assert_eq!(published["policy"]["life_seconds_max"], 90 * DAY);
    // The draft was made from another policy than the one in force by now.
    let (status, said) = edit("sed -i s/90d/60d/");
    assert!(status == 65 && said.contains("policy.draft.old.toml") && said.contains("90d → 60d"), "{said}");
    std::fs::remove_file(&draft).unwrap();
    let (status, said) = edit("true");
    assert!(status == 0 && said.contains("Nothing changes") && !draft.exists(), "{said}");
}

/// The administrator's process dies at this point while a policy is signed; what comes of it once the command is given again.
fn signed_in_spite_of(crash: &str) -> (i64, i64) {
    let scene = Scene::set();
    let file = scene.policy_file(|file| file.replace("\"365d\"", "\"90d\""));
    let publish = ["admin", "policy", "publish", &file, "--yes"];
    let administrator = &scene.ward.administrator;
    let _ = administrator.armed(&[crash]).cli(&publish).crashed_at(crash);
    let again = administrator.ask(&publish)["policy"].clone();
    scene.nurse.cli(&["sync"]).good();
    (again["number"].as_i64().unwrap(), again["life_seconds_max"].as_i64().unwrap())
}

#[test]
fn a_policy_that_was_signed_when_its_administrator_died_is_in_force_once() {
    for crash in ["crash.list_signed", "crash.list_answered"] {
        assert_eq!(signed_in_spite_of(crash), (1, 90 * DAY), "{crash}");
    }
}

#[test]
fn a_client_older_than_the_policy_permits_takes_no_part_and_reads_what_it_has() {
    let mut scene = Scene::set();
    scene.doctor.cli(&["send", WARD, "before"]).good();
    scene.nurse.cli(&["sync"]).good();
    let old = scene.nurse.armed(&["client.older"]);
    let mut following = old.start(&["sync", "--follow", "--json"]);
    assert!(following.says("caught_up", SOON).is_some(), "the control: no policy asks for more");
    let own = scene.policy_file(|file| format!("{file}wardline = \"9.0.0\"\n"));
    let refused = scene.ward.administrator.cli(&["admin", "policy", "publish", &own, "--yes"]).failed(78);
    assert!(refused.stderr.contains("shut out this device"), "{}", refused.stderr);
    let policy = scene.policy(|file| format!("{file}wardline = \"0.1.0\"\n"));
    assert_eq!(policy["policy"]["minimum_versions"]["wardline"], "0.1.0");
    let told = following.says("older than your organisation permits", SOON);
    assert!(told.is_some(), "its stream has ended");
    following.terminate();
    let refused = old.cli(&["sync"]).failed(78);
    assert!(refused.stderr.contains("Update Wardline"), "{}", refused.stderr);
    let read = old.ask_all(&["read", WARD, "--offline"]);
    assert!(read.iter().any(|one| one["text"] == "before"));
    // By a relay that lets everybody in it sends nothing all the same, once it has the list.
    scene.ward.relay.rearm(&["relay.any_software"]);
    let queued = old.cli(&["send", WARD, "from an old one"]).failed(75);
    assert!(queued.stdout.contains("older than your organisation permits"), "{}", queued.stdout);
    let sends = scene.nurse.armed(&["client.older", "mutant.old_client_sends"]);
    sends.cli(&["sync"]).good();
    scene.doctor.cli(&["sync"]).good();
    let read = scene.doctor.ask_all(&["read", WARD]);
    assert!(read.iter().any(|one| one["text"] == "from an old one"), "the guard taken away: {read:?}");
    let careless = scene.ward.administrator.armed(&["mutant.policy_unchecked"]);
    let own = scene.policy_file(|file| file.replace("\"0.1.0\"", "\"9.0.0\""));
    careless.cli(&["admin", "policy", "publish", &own, "--yes"]).good();
    scene.ward.relay.rearm(&[]);
    scene.ward.administrator.cli(&["sync"]).failed(78);
}
