//! The record: its entries, and the note that is its head.

use wardline_identity::{CHECKPOINT_BYTES_MAX, Checkpoint, RecordEntry};

use crate::{
    target::{Input, Target, fuzz},
    tree::Format,
    world::WORLD,
};

fn entry(input: &Input) -> bool {
    let Ok(entry) = RecordEntry::read(&input.bytes) else { return false };
    let again = RecordEntry::read(&entry.encode()).expect("what was read can be read again");
    assert!(again == entry, "it reads back otherwise");
    true
}

#[test]
fn an_entry_of_the_record_reads_back_as_it_was_read() {
    fuzz(&Target {
        name: "record_entry",
        format: Format::Protobuf(0),
        sign: None,
        inputs: 5_000,
        at_most: usize::MAX,
        memory: (16 * 1024, 192),
        check: entry,
    });
}

fn checkpoint(input: &Input) -> bool {
    let organisation = WORLD.organisation.id();
    let Ok(claimed) = Checkpoint::claimed(&input.bytes, organisation) else { return false };
    assert!(input.bytes.len() <= CHECKPOINT_BYTES_MAX, "a note that long");
    let verified = Checkpoint::verify(&input.bytes, organisation, &WORLD.doctor.key.public());
    assert!(verified.is_err() || verified == Ok(claimed.clone()), "it says two things");
    // Its size and its root are written in one way.
    let text = String::from_utf8_lossy(&input.bytes);
    let again = Checkpoint::new(organisation, claimed.size(), *claimed.root()).sign(&WORLD.doctor.key);
    let lines = |text: &str| text.lines().take(3).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&text), lines(&String::from_utf8_lossy(&again)));
    true
}

#[test]
fn a_checkpoint_is_read_only_as_it_is_written() {
    fuzz(&Target {
        name: "checkpoint",
        format: Format::Raw,
        sign: None,
        inputs: 5_000,
        at_most: usize::MAX,
        memory: (16 * 1024, 64),
        check: checkpoint,
    });
}
