//! Claims about every order in which revocations, messages and commits can come; and each guard of the model taken away.

use wardline_model::{Guard, SAID_AFTER, Scene, check};

/// The promises hold in every state of a scene, of which there are so many at least.
fn holds(scene: Scene, at_least: usize) {
    let found = check(scene, None, None);
    assert_eq!(found.names, [SAID_AFTER], "{scene:?}");
    assert!(found.states >= at_least, "{scene:?} was not looked at: {found:?}");
}

#[test]
fn two_revocations_at_the_same_time_keep_every_promise() {
    holds(Scene::TwoRevoked, 300_000);
}

#[test]
fn a_member_who_colludes_with_a_revoked_device_and_lies_in_its_commits_breaks_no_promise() {
    holds(Scene::Colluder, 200_000);
}

#[test]
fn a_revoked_device_gets_out_also_where_members_hear_of_it_by_what_they_are_asked_only() {
    holds(Scene::ByTask, 30_000);
}

#[test]
fn who_knows_of_a_revocation_encrypts_to_nobody_revoked_though_the_relay_ignores_its_fences() {
    holds(Scene::HostileRelay, 40_000);
}

/// The control of all of the above.
#[test]
fn every_guard_is_missed() {
    for (guard, scene, promise) in Guard::ALL {
        let found = check(*scene, Some(*guard), Some(promise));
        assert!(found.names.contains(promise), "without {guard:?}, {scene:?}: not {promise} but {found:?}");
    }
}
