//! The table in the docs, read: what is armed, and that table, tests and places in the code are the same.

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

const TABLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/crash-matrix.md"));

/// The place at which a test's process dies, as the table says.
#[track_caller]
pub(crate) fn place_of(test: &str) -> String {
    let rows = rows();
    let row = rows.iter().find(|(_, named)| named == test);
    row.unwrap_or_else(|| panic!("{test} is in no row of docs/crash-matrix.md")).0.clone()
}

/// Place and test of each row.
fn rows() -> Vec<(String, String)> {
    let cell = |text: &str| text.trim().trim_matches('`').to_owned();
    TABLE
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains("`crash."))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 5, "{line}");
            assert!(cells.iter().all(|cell| !cell.trim().is_empty()), "a cell says nothing: {line}");
            (cell(cells[1]), cell(cells[4]))
        })
        .collect()
}

#[test]
fn the_rows_of_the_table_are_the_tests() {
    let list = Command::new(env::current_exe().unwrap()).args(["--list", "--format", "terse"]).output();
    let list = String::from_utf8(list.unwrap().stdout).unwrap();
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
    let tests: BTreeSet<String> =
        tests.filter(|test| !test.starts_with("table::")).map(str::to_owned).collect();
    let (elsewhere, here): (Vec<_>, Vec<_>) = rows().into_iter().partition(|(_, test)| test.contains('/'));
    assert_eq!(here.iter().map(|(_, test)| test.clone()).collect::<BTreeSet<_>>(), tests);
    assert_eq!(here.len(), tests.len(), "a test has two rows");
    for (place, test) in &elsewhere {
        // `folder/file::name`: in another test program, by its source.
        let (file, name) = test.split_once("::").unwrap();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file).with_extension("rs");
        let source = fs::read_to_string(&file).unwrap_or_default();
        assert!(source.contains(&format!("fn {name}()")) && source.contains(place), "{}", file.display());
    }
    println!("rows={}", here.len() + elsewhere.len());
}

#[test]
fn every_place_where_the_product_can_be_made_to_crash_has_a_row() {
    let mut places = BTreeSet::new();
    for source in ["client-core/src", "server/src"] {
        gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(source), &mut places);
    }
    let rows: BTreeSet<String> = rows().into_iter().map(|(place, _)| place).collect();
    assert_eq!(rows, places);
}

/// The places named in the sources of a folder.
fn gather(folder: &Path, places: &mut BTreeSet<String>) {
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.is_dir() {
            gather(&file, places);
            continue;
        }
        let source = fs::read_to_string(&file).unwrap();
        for after in source.split("fault::crash(\"").skip(1) {
            places.insert(after.split('"').next().unwrap().to_owned());
        }
    }
}
