//! The guards against lying members, each taken away: then the lie does its harm, and the claims of the other files would
//! not hold.

use std::{thread::sleep, time::Duration};

use crate::scene::{Keeper, Scene};

/// Much longer than putting right takes.
const LONG: Duration = Duration::from_secs(6);

/// Tells a lie to people whose guard is taken away, and gives it time.
fn told(keeper: Keeper, guard: &str, lie: &str, arguments: &[&str]) -> Scene {
    let scene = Scene::without(keeper, &[guard]);
    let conversation = scene.conversation.clone();
    let filled: Vec<&str> = arguments
        .iter()
        .map(|one| if *one == "CONVERSATION" { conversation.as_str() } else { one })
        .collect();
    drop(scene.lie(&[lie], &filled));
    sleep(LONG);
    scene
}

const RENAME: [&str; 4] = ["conversation", "rename", "CONVERSATION", "Mine"];

#[test]
fn who_does_not_look_at_certificates_talks_to_nobodys_device() {
    let scene = told(Keeper::Liar, "mutant.judge_strangers", "member.add_uncertified", &RENAME);
    assert!(scene.members(&scene.a).contains(&"mallory".to_owned()));
    assert!(scene.show(&scene.a).get("member_faults").is_none());
}

#[test]
fn who_does_not_judge_settings_leaves_the_thief_in_charge() {
    let scene = told(Keeper::Honest, "mutant.judge_settings", "member.steal_settings", &RENAME);
    assert_eq!(scene.show(&scene.a)["name"], "Mine");
    assert!(scene.members(&scene.a).contains(&"mallory".to_owned()));
}

#[test]
fn who_judges_and_corrects_nothing_stays_held() {
    let scene = told(Keeper::Honest, "mutant.correct_nothing", "member.steal_settings", &RENAME);
    assert!(scene.show(&scene.a).get("held").is_some());
}

#[test]
fn who_does_not_judge_removals_misses_whom_a_member_threw_out() {
    let remove = ["conversation", "remove", "CONVERSATION", "berta"];
    let scene = told(Keeper::Honest, "mutant.judge_removals", "member.remove_beyond_rights", &remove);
    assert!(!scene.members(&scene.a).contains(&"berta".to_owned()));
}

#[test]
fn who_does_not_compare_declarations_names_nobody() {
    let scene = told(Keeper::Liar, "mutant.judge_declaration", "member.false_leaves", &RENAME);
    for device in [&scene.a, &scene.b] {
        assert!(scene.show(device).get("member_faults").is_none());
    }
}

#[test]
fn who_takes_no_proof_for_a_ground_brings_the_liar_back() {
    let scene = told(Keeper::Honest, "mutant.judge_fault_grounds", "member.steal_settings", &RENAME);
    let members = scene.members(&scene.a);
    assert!(members.contains(&"mallory".to_owned()), "{members:?}");
}

#[test]
fn who_asks_for_no_approval_lets_anybodys_device_in() {
    let scene = Scene::without(Keeper::Honest, &["mutant.judge_approvals"]);
    let second = scene.another_device(&scene.b, &[]);
    let id = second.ask(&["status"])["device"].as_str().unwrap().to_owned();
    drop(scene.lie(&["member.add_unapproved"], &["conversation", "add", &scene.conversation, "berta"]));
    sleep(LONG);
    assert!(crate::scene::devices(&scene.show(&scene.a), "berta").contains(&id));
}
