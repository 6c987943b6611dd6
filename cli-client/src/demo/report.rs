//! What the demo prints: each step with its time as it happens, then a table of what was checked.
//!
//! With `--json` each check is one object on standard output, and the steps go to standard error.

use std::{io::Write as _, time::Instant};

use serde::Serialize;

/// One checked claim about a promise.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    /// The promise's number, such as "P1".
    pub promise: &'static str,
    /// What was checked.
    pub check: String,
    /// Whether it holds.
    pub ok: bool,
    /// How it was checked, with what was found.
    pub evidence: String,
}

/// Prints the demo's course.
pub(crate) struct Report {
    json: bool,
    since: Instant,
}

impl Report {
    /// Starts the clock.
    pub(crate) fn begin(json: bool) -> Self {
        Self { json, since: Instant::now() }
    }

    /// Something was done.
    pub(crate) fn step(&self, text: &str) {
        let seconds = self.since.elapsed().as_secs_f64();
        if self.json {
            let object = serde_json::json!({ "step": text, "seconds": (seconds * 1e3).round() / 1e3 });
            let _ = writeln!(std::io::stderr().lock(), "{object}");
        } else {
            line(&format!("{seconds:7.2} s  {text}"));
        }
    }

    /// A heading over the next steps.
    pub(crate) fn heading(&self, text: &str) {
        if !self.json {
            line(&format!("\n{text}"));
        }
    }

    /// All checks, and whether each holds.
    pub(crate) fn checks(&self, checks: &[Check]) -> bool {
        let holds = !checks.is_empty() && checks.iter().all(|check| check.ok);
        if self.json {
            checks.iter().filter_map(|check| serde_json::to_string(check).ok()).for_each(|text| line(&text));
        } else {
            line("");
            table(checks).iter().for_each(|text| line(text));
            let good = checks.iter().filter(|check| check.ok).count();
            let seconds = self.since.elapsed().as_secs_f64();
            line(&format!("\n{good} of {} checks hold, after {seconds:.1} s.", checks.len()));
        }
        holds
    }

    /// A last word for people.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            line(text);
        }
    }
}

/// Writes one line; a reader that has gone is no failure of ours.
fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Widths of the columns "what was checked" and "how".
const CHECK_WIDTH: usize = 38;
const EVIDENCE_WIDTH: usize = 62;

/// The table, line by line.
fn table(checks: &[Check]) -> Vec<String> {
    let row = |promise: &str, check: &str, evidence: &str, ok: &str| {
        let text = format!("{promise:<8} {check:<CHECK_WIDTH$} {evidence:<EVIDENCE_WIDTH$} {ok}");
        text.trim_end().to_owned()
    };
    let rule = "─".repeat(8 + 1 + CHECK_WIDTH + 1 + EVIDENCE_WIDTH + 1 + 6);
    let mut lines = vec![row("promise", "what was checked", "how", "ok"), rule];
    for check in checks {
        let (left, right) = (wrap(&check.check, CHECK_WIDTH), wrap(&check.evidence, EVIDENCE_WIDTH));
        for at in 0..left.len().max(right.len()) {
            let cell = |column: &[String]| column.get(at).cloned().unwrap_or_default();
            let promise = if at == 0 { check.promise } else { "" };
            let ok = match (at, check.ok) {
                (0, true) => "ok",
                (0, false) => "NOT OK",
                _ => "",
            };
            lines.push(row(promise, &cell(&left), &cell(&right), ok));
        }
    }
    lines
}

/// Breaks a text at spaces into lines of at most `width` characters; longer words stand alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(last) = lines.last_mut() else { continue };
        if last.is_empty() {
            word.clone_into(last);
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_at_spaces_and_nothing_of_it_is_lost() {
        let text = "every request as it was handed on, and every file of the relay";
        let lines = wrap(text, 20);
        assert!(lines.iter().all(|line| line.chars().count() <= 20));
        assert_eq!(lines.join(" "), text);
    }

    #[test]
    fn a_check_that_fails_is_told_from_one_that_holds() {
        let check = |ok| Check { promise: "P1", check: "c".into(), ok, evidence: "e".into() };
        let lines = table(&[check(true), check(false)]);
        assert!(lines[2].ends_with(" ok") && lines[3].ends_with(" NOT OK"));
    }
}
