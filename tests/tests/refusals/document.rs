//! The tables of `docs/api.md`, made from the rows.

use std::{fmt::Write as _, fs, path::PathBuf};

use tonic::Code;

use crate::rows::{Expected, Kept, Row, sections};

const BEGIN: &str = "<!-- generated from tests/tests/refusals: begin -->\n";
const END: &str = "<!-- generated: end -->\n";

/// Compares the generated part of the document with the rows; writes it if asked to.
pub(crate) fn check() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let document = fs::read_to_string(&path).expect("docs/api.md");
    let (head, rest) = document.split_once(BEGIN).expect("the beginning of the generated part");
    let (generated, tail) = rest.split_once(END).expect("the end of the generated part");
    let expected = tables();
    if std::env::var_os("WARDLINE_WRITE_DOCS").is_some() {
        fs::write(&path, format!("{head}{BEGIN}{expected}{END}{tail}")).expect("docs/api.md");
        return;
    }
    assert!(
        generated == expected,
        "docs/api.md is not what the rows say; run WARDLINE_WRITE_DOCS=1 cargo test -p wardline-tests --test refusals"
    );
}

fn tables() -> String {
    let mut text = String::new();
    for section in sections() {
        let _ = write!(text, "\n### {}\n\n", section.title);
        text.push_str("| Input | Call | Code | Reason | The relay keeps |\n|---|---|---|---|---|\n");
        section.rows.iter().for_each(|row| line(&mut text, row));
    }
    text.push('\n');
    text
}

fn line(text: &mut String, row: &Row) {
    let call = row.path.rsplit('/').next().unwrap_or_default();
    let call = if call.is_empty() { "any".to_owned() } else { format!("`{call}`") };
    let (code, reason) = match row.expected {
        Expected::Status(code, reason) => (
            code_name(code).to_owned(),
            reason.map_or_else(|| "none".to_owned(), |reason| format!("`{reason}`")),
        ),
        Expected::Closed(reason) => ("the connection is closed".to_owned(), format!("`{reason}`")),
        Expected::Alert(number, name) => {
            ("the handshake fails".to_owned(), format!("TLS alert {number}, `{name}`"))
        }
    };
    let kept = match row.kept {
        Kept::Nothing => "nothing",
        Kept::Only(_, what) => what,
    };
    let _ = writeln!(text, "| {} | {call} | {code} | {reason} | {kept} |", row.input);
}

/// As gRPC spells it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Unauthenticated => "UNAUTHENTICATED",
        other => panic!("no row has {other:?}"),
    }
}
