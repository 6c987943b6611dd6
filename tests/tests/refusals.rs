//! Bad input, row by row: each is tried over real sockets on both doors against a real relay, which must answer with
//! the code and the reason that the row names, keep nothing of it, take the same call made right, and carry the next
//! message of two honest clients.
//!
//! The rows (`refusals/rows`) are data; the tables in `docs/api.md` are made from the same data. After a change of the
//! rows run `WARDLINE_WRITE_DOCS=1 cargo test -p wardline-tests --test refusals`. `WARDLINE_ROW=text` runs only the
//! rows with that text in their input or call.

#![allow(clippy::panic, reason = "a row that is not as it should be ends there")]

#[path = "refusals/authority.rs"]
mod authority;
#[path = "refusals/database.rs"]
mod database;
#[path = "refusals/document.rs"]
mod document;
#[path = "refusals/house.rs"]
mod house;
#[path = "refusals/rows/mod.rs"]
mod rows;
#[path = "refusals/talk.rs"]
mod talk;
#[path = "refusals/trial.rs"]
mod trial;
#[path = "refusals/wire.rs"]
mod wire;

use std::{collections::BTreeSet, time::Instant};

use prost::Message as _;
use wardline_client_core::relay::TransportChoice;
use wardline_proto::{DESCRIPTORS, Reason};

use house::House;
use rows::{Expected, Row, path, sections};

/// Runs every row over one door; names all that fail.
async fn run(door: TransportChoice) {
    let chosen = std::env::var("WARDLINE_ROW").unwrap_or_default();
    let house = House::open(door).await;
    let (mut count, mut failed, begun) = (0, Vec::new(), Instant::now());
    for row in sections().into_iter().flat_map(|section| section.rows) {
        if !row.has(door) || !(row.input.contains(&chosen) || row.path.contains(&chosen)) {
            continue;
        }
        count += 1;
        if let Err(why) = trial::run(&house, &row).await {
            failed.push(format!("{} ({}): {why}", row.input, row.path));
        }
        house.talks_on().await;
    }
    println!("rows={count} failed={} seconds={:.1}", failed.len(), begun.elapsed().as_secs_f64());
    assert!(failed.is_empty(), "{} of {count} rows:\n{}", failed.len(), failed.join("\n"));
}

/// The futures of a whole scene, unoptimised, are more than a test thread's stack holds.
fn with_room(scene: fn() -> futures::future::LocalBoxFuture<'static, ()>) {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(scene());
    };
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(run).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn every_bad_input_over_quic() {
    with_room(|| Box::pin(run(TransportChoice::Quic)));
}

#[test]
fn every_bad_input_over_tcp() {
    with_room(|| Box::pin(run(TransportChoice::Tcp)));
}

/// So that a new call cannot be forgotten: the protos are asked.
#[test]
fn every_call_of_every_service_is_tried_without_a_certificate() {
    let files = prost_types::FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
    let mut calls = BTreeSet::new();
    for file in files.file {
        for service in &file.service {
            let service_name = format!("/{}.{}", file.package(), service.name());
            calls.extend(service.method.iter().map(|method| format!("{service_name}/{}", method.name())));
        }
    }
    assert_eq!(calls, path::ALL.iter().map(ToString::to_string).collect());
    let strangers = |row: &Row| {
        row.expected == Expected::Status(tonic::Code::Unauthenticated, Some(Reason::CertificateRequired))
    };
    let rows: Vec<Row> = sections().into_iter().flat_map(|section| section.rows).collect();
    for call in calls.iter().filter(|call| !path::AT_THE_DOOR.iter().any(|door| call.contains(door))) {
        assert!(rows.iter().any(|row| row.path == call && strangers(row)), "{call}");
    }
}

/// A reason that no row shows is one that no test holds the relay to; those that bad input cannot bring about are
/// named here.
#[test]
fn every_reason_that_bad_input_brings_about_has_a_row() {
    let elsewhere = [
        Reason::CertificateStruck, // a list that strikes ends with its issuer: `server`, `revocation`
        Reason::JoinStruck,        // the same: `server` `conversation/tests/struck`
        Reason::DeviceRevoked,     // its connections end: the doors' own tests
        Reason::EpochFull,         // 2,048 messages: the domain's own tests
        Reason::ConversationFull,  // 500 devices: the domain's own tests
        Reason::VaultClosed,       // eleven tries, with hours between them: `server`, `unlock`
        Reason::YieldTurn,         // a race, not bad input: the domain's own tests
        Reason::StorageFull,       // disks
        Reason::StorageUnavailable, // disks
        Reason::ShuttingDown,      // the end of the relay
        Reason::StreamReplaced,    // a newer stream
        Reason::DeadlineExceeded,  // time, not bad input: the doors' own tests
        Reason::Internal,          // no input brings it about
    ];
    let shown: Vec<Reason> = sections()
        .iter()
        .flat_map(|section| &section.rows)
        .filter_map(|row| match row.expected {
            Expected::Status(_, reason) => reason,
            Expected::Closed(reason) => Some(reason),
            Expected::Alert(..) => None,
        })
        .collect();
    for reason in Reason::ALL {
        assert_ne!(shown.contains(reason), elsewhere.contains(reason), "{reason}");
    }
}

#[test]
fn the_documented_tables_are_these() {
    document::check();
}
