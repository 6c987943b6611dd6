//! Whether the targets find what they are for: each runs again in a process of its own, with a fault planted.

use std::process::{Command, Output};

/// Runs one test of this binary with these fault points.
fn run(test: &str, fault_points: &str) -> Output {
    Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", test, "--nocapture"])
        .env("FAILPOINTS", fault_points)
        .env("RUST_BACKTRACE", "0")
        .env_remove("WARDLINE_FUZZ_INPUTS")
        .output()
        .expect("it runs")
}

#[test]
fn a_panic_planted_in_the_headers_parser_is_found() {
    for test in
        ["headers::relay_and_client_read_the_same_header", "headers::a_welcome_names_only_what_is_in_it"]
    {
        let sound = run(test, "");
        assert!(sound.status.success(), "the control: {sound:?}");
        let planted = run(test, "mutant.unchecked_length=return");
        assert!(!planted.status.success(), "{test} does not find it");
        let said = String::from_utf8_lossy(&planted.stderr);
        assert!(
            said.contains("BOLERO_RANDOM_SEED") && said.contains("Input"),
            "it says how to see it again: {said}"
        );
    }
}
