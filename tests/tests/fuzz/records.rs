//! The record: its entries, the note that is its head, and what of it is shown to others as the record of a removal.

use std::sync::LazyLock;

use wardline_client_core::api::{ProvenText, verify_removal_record};
use wardline_identity::{CHECKPOINT_BYTES_MAX, Checkpoint, RecordEntry};

use crate::{
    target::{Input, Target, fuzz, samples, samples_named},
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

/// Under which root, and what the samples prove.
static PROVEN: LazyLock<(String, Vec<ProvenText>)> = LazyLock::new(|| {
    let texts = samples("removal_record").into_iter().map(|bytes| String::from_utf8(bytes).expect("JSON"));
    let texts: Vec<String> = texts.collect();
    let file: serde_json::Value = serde_json::from_str(&texts[0]).expect("JSON");
    let root = file["says"]["root"].as_str().expect("a root").to_owned();
    let proven = texts.iter().map(|text| verify_removal_record(text, Some(&root)).expect("a record"));
    let proven = proven.collect();
    (root, proven)
});

static SAMPLE: LazyLock<serde_json::Value> =
    LazyLock::new(|| serde_json::from_slice(&samples_named("removal_record", "confirmed")).expect("JSON"));

/// One thing in a sample's JSON changed, whatever the bytes were: a digit, a length, one text for another, an item left out or
/// said twice.
fn change_value(bytes: &mut Vec<u8>, how: u64) -> bool {
    let mut file = SAMPLE.clone();
    let places = {
        let mut places = Vec::new();
        pointers(&file, String::new(), &mut places);
        places
    };
    let draw = |from: u32, end: usize| (how >> from) as usize % end.max(1);
    let other = file.pointer(&places[draw(32, places.len())]).cloned().expect("a place");
    let place = file.pointer_mut(&places[draw(0, places.len())]).expect("a place");
    match place {
        serde_json::Value::String(text) if draw(24, 4) == 0 => text.truncate(draw(44, text.len())),
        serde_json::Value::String(text) if draw(24, 4) != 1 && text.is_ascii() && !text.is_empty() => {
            let (at, digit) = (draw(44, text.len()), b"0123456789abcdef"[draw(28, 16)]);
            text.replace_range(at..=at, std::str::from_utf8(&[digit]).expect("a digit"));
        }
        serde_json::Value::Array(items) if !items.is_empty() && draw(24, 4) == 0 => {
            drop(items.remove(draw(44, items.len())));
        }
        serde_json::Value::Array(items) if !items.is_empty() && draw(24, 4) == 1 => {
            items.insert(draw(28, items.len()), items[draw(44, items.len())].clone());
        }
        serde_json::Value::Number(_) if draw(24, 4) != 0 => *place = (how >> 44).into(),
        _ => *place = other,
    }
    *bytes = file.to_string().into_bytes();
    true
}

/// Every place below a value.
fn pointers(value: &serde_json::Value, here: String, places: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| pointers(value, format!("{here}/{name}"), places));
        }
        serde_json::Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, value)| pointers(value, format!("{here}/{index}"), places));
        }
        _ => {}
    }
    places.push(here);
}

fn removal_record(input: &Input) -> bool {
    let (root, known) = &*PROVEN;
    let Ok(text) = std::str::from_utf8(&input.bytes) else { return false };
    let Ok(proven) = verify_removal_record(text, Some(root)) else { return false };
    assert!(known.contains(&proven), "it proves what nobody signed: {proven:?}");
    true
}

#[test]
fn a_removal_record_proves_what_was_signed_and_nothing_else() {
    LazyLock::force(&PROVEN);
    fuzz(&Target {
        name: "removal_record",
        format: Format::Raw,
        sign: Some(change_value),
        inputs: 1_000,
        at_most: usize::MAX,
        memory: (256 * 1024, 64),
        check: removal_record,
    });
}
