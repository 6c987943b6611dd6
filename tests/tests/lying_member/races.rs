//! Two honest commits at the same moment, fifty times over: both come true, and both devices agree.

use std::thread::scope;

use wardline_client_core::api::{Command, Reach};
use wardline_tests::{Line, Ward, programs};

use crate::scene::{until, users};

/// How many conversations take turns: a device gets ten commits a minute in each.
const CONVERSATIONS: usize = 10;
const ROUNDS: usize = 50;

#[test]
fn two_commits_at_the_same_moment_fifty_times_over() {
    let ward = Ward::quick(programs!());
    let [anna, berta, carl] = ward.people(["anna", "berta", "carl"]);
    // Carl makes them and leaves: then both others are keepers.
    let conversations: Vec<String> = (0..CONVERSATIONS)
        .map(|at| {
            let name = format!("Ward {at}");
            let made = carl.ask(&["conversation", "create", &name, "--with", "anna", "--with", "berta"]);
            made["conversation"].as_str().unwrap().to_owned()
        })
        .collect();
    let (at_anna, at_berta) = (anna.follow(), berta.follow());
    for conversation in &conversations {
        drop(carl.ask(&["conversation", "leave", conversation]));
    }
    for conversation in &conversations {
        until("carl is out", || users(&berta.ask(&["conversation", "show", conversation])).len() == 2);
    }

    let rename = |mut line: Line, conversation: &str, name: String| {
        let command = Command::ConversationRename { conversation: conversation.to_owned(), name };
        line.execute(command, Reach::Online).expect("the owner answers").map(drop)
    };
    for round in 0..ROUNDS {
        let conversation = &conversations[round % CONVERSATIONS];
        let (to_anna, to_berta) = (at_anna.line().unwrap(), at_berta.line().unwrap());
        scope(|threads| {
            let one = threads.spawn(|| rename(to_anna, conversation, format!("anna {round}")));
            let other = threads.spawn(|| rename(to_berta, conversation, format!("berta {round}")));
            for outcome in [one.join().unwrap(), other.join().unwrap()] {
                assert!(outcome.is_ok(), "round {round}: {outcome:?}");
            }
        });
    }

    let mut changes = 0;
    for conversation in &conversations {
        let events = |device: &wardline_tests::Device| -> Vec<(u64, String)> {
            let entries = device.ask_all(&["read", conversation]);
            let renamed = entries.iter().filter(|one| one["text"].as_str().unwrap().contains("renamed"));
            renamed
                .map(|one| (one["number"].as_u64().unwrap(), one["text"].as_str().unwrap().to_owned()))
                .collect()
        };
        until("both are shown the same", || events(&anna) == events(&berta));
        changes += events(&anna).len();
        let shown = |device: &wardline_tests::Device| device.ask(&["conversation", "show", conversation]);
        assert_eq!(shown(&anna)["safety_code"], shown(&berta)["safety_code"]);
        assert!(shown(&anna).get("held").is_none() && shown(&anna).get("member_faults").is_none());
    }
    assert_eq!(changes, 2 * ROUNDS, "every change is in the log, once");
}
