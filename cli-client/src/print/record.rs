//! The relay's record and removal records as people read them.

use std::path::Path;

use serde_json::json;
use wardline_client_core::api::{ProvenText, RecordLog, RemovalText};

use super::{line, object, when::when};

/// One line an act, and whether all of it fits.
pub(super) fn log(log: &RecordLog) {
    if log.entries.is_empty() {
        line("Nothing of that is on the record.");
    }
    for entry in &log.entries {
        let time = if entry.time.is_empty() { String::new() } else { when(&entry.time) };
        line(&format!("{:>6}  {time}  {}", entry.number, entry.text));
    }
    let Some(checked) = &log.checked else { return };
    let (size, root) = (checked.size, &checked.root);
    if checked.fits {
        line(&format!("All {size} entries are those that the relay has signed for; root {root}"));
    } else {
        line(&format!(
            "The {size} entries are not those that the relay has signed for: the record was tampered with; root {root}"
        ));
    }
}

/// A removal record that was written.
pub(crate) fn record_written(says: &ProvenText, file: &Path, json: bool) {
    if json {
        return object(&json!({ "file": file, "says": says }));
    }
    proven(says, false);
    line(&format!("Written to {}. Whoever has it checks it without you:", file.display()));
    line(&format!("  wardline admin verify {} --root '{}'", file.display(), says.root));
}

/// What a removal record proves.
pub(crate) fn proven(says: &ProvenText, json: bool) {
    if json {
        return object(says);
    }
    line(&format!("{} — root {}", says.organisation, says.root));
    line(&format!("{}'s “{}”  {}", says.user, says.name, says.device));
    for act in &says.acts {
        let change = if act.change == "held" { "on hold" } else { act.change.as_str() };
        line(&format!(
            "  {change} ({}) by list {}, in force since {} by the relay's signature; it was in {} conversation(s)",
            act.reason,
            act.list,
            when(&act.in_force),
            act.conversations
        ));
    }
    for removal in &says.removals {
        line(&format!("    {:.8}  {}", removal.conversation, outcome(removal)));
    }
    let counted = |state: &str| says.removals.iter().filter(|one| one.state == state).count();
    let open = counted("open");
    line(&format!(
        "  {} conversation(s): {} confirmed, {} reported, {} ended, {open} open",
        says.removals.len(),
        counted("confirmed"),
        counted("reported"),
        counted("ended"),
    ));
    line(&format!(
        "  as of entry {} of the relay's record; what was done later it does not tell",
        says.record
    ));
}

fn outcome(removal: &RemovalText) -> String {
    let by = removal.by.as_deref().unwrap_or("nobody");
    let removed = removal.removed.as_deref().map(when).unwrap_or_default();
    let number = removal.number.unwrap_or_default();
    match (removal.state.as_str(), &removal.confirmed_by) {
        ("confirmed", Some(second)) => {
            format!("out since {removed}: change {number}, signed by {by}, confirmed by {second}")
        }
        ("reported", _) => {
            format!("out since {removed}: change {number}, signed by {by}; nobody else has confirmed it")
        }
        ("ended", _) => format!("ended at {removed} without a change"),
        _ => format!("open since {}: nothing is said there", when(&removal.in_force)),
    }
}
