//! What was done with the root's file, as people read it.

use std::{io::Write as _, path::Path};

use serde_json::json;
use wardline_client_core::api::{BackedUpRoot, RecordSeen, Restored, ShownRoot, StrikePlan};

use super::{harmless, line, object};

/// Which organisation a file is of.
pub(crate) fn root(shown: &ShownRoot, json: bool) {
    if json {
        return object(
            &json!({ "organisation": shown.organisation, "name": shown.name, "root": shown.root }),
        );
    }
    line(&format!("The recovery file opens: it is the root of {}.", shown.name));
    line(&format!("  root           {}", shown.root));
    line(&format!("  organisation   {}", shown.organisation));
}

/// A copy. Its code is shown here and never again: whether it was is part of making it.
pub(crate) fn backed_up(made: &BackedUpRoot, out: &Path, json: bool) -> std::io::Result<()> {
    let (shown, mut to) = (&made.shown, std::io::stdout().lock());
    if json {
        let object = json!({
            "organisation": shown.organisation,
            "name": shown.name,
            "root": shown.root,
            "recovery_file": out,
            "recovery_code": *made.recovery_code,
        });
        writeln!(to, "{object}")?;
        return to.flush();
    }
    writeln!(to, "The root of {} is copied.", shown.name)?;
    writeln!(to, "  recovery file  {}", out.display())?;
    writeln!(to, "  recovery code  {}", *made.recovery_code)?;
    writeln!(to)?;
    writeln!(to, "Write the recovery code down now: it is shown once, and opens this copy only.")?;
    to.flush()
}

/// What a strike keeps: beside the output, which may be read by a script.
pub(crate) fn plan(plan: &StrikePlan) {
    let mut to = std::io::stderr().lock();
    for one in &plan.issuers {
        let about = format!("{} ({:.16})", harmless(&one.name), one.fingerprint);
        let (kept, recorded, listed) = (one.kept, one.recorded, one.listed);
        let _ = writeln!(
            to,
            "Striking {about} keeps {kept} certificates, of {recorded} on the record; {listed} are listed."
        );
        if one.unrecorded > 0 {
            let _ = writeln!(
                to,
                "  {} of them the relay lists, and its record does not have them.",
                one.unrecorded
            );
        }
    }
    let _ = match plan.record {
        RecordSeen::Fits => Ok(()),
        RecordSeen::Nothing => writeln!(to, "The relay has no record: only what it lists is kept."),
        RecordSeen::Differs => {
            writeln!(
                to,
                "The relay's record is not the one that it has signed for: only what it lists is kept."
            )
        }
    };
}

/// Asks on the terminal.
pub(crate) fn ask(question: &str) {
    let mut to = std::io::stderr().lock();
    let _ = write!(to, "{question}").and_then(|()| to.flush());
}

/// A restored administrator.
pub(crate) fn restored(restored: &Restored, home: &Path, json: bool) {
    if json {
        let struck = restored
            .struck
            .iter()
            .map(|one| json!({ "name": one.name, "issuer": one.fingerprint, "kept": one.kept }));
        let left = restored
            .left
            .iter()
            .map(|one| json!({ "device": one.device, "user": one.user, "name": one.name }));
        let meanwhile = restored.meanwhile.iter().map(|one| json!({ "device": one.device, "act": one.act }));
        return object(&json!({
            "organisation": restored.organisation,
            "name": restored.name,
            "root": restored.root,
            "user": restored.user,
            "device": restored.device,
            "issuers_list": restored.issuers_list,
            "issuers": restored.issuers,
            "struck": struck.collect::<Vec<_>>(),
            "devices_left": left.collect::<Vec<_>>(),
            "meanwhile": meanwhile.collect::<Vec<_>>(),
        }));
    }
    line(&format!("{} is an administrator of {} on this device.", restored.user, restored.name));
    line(&format!("  root           {}", restored.root));
    line(&format!("  device         {}", restored.device));
    line(&format!("  issuers        {} (list {})", restored.issuers.join(", "), restored.issuers_list));
    for one in &restored.struck {
        let kept = one.kept;
        line(&format!("  struck         {} ({}): {kept} certificates stay good", one.name, one.fingerprint));
    }
    let home = home.display();
    for one in &restored.left {
        line(&format!(
            "Lost with its machine? wardline admin device revoke --home {home} {} --reason lost   ({} of {})",
            one.device, one.name, one.user
        ));
    }
    for one in &restored.meanwhile {
        line(&format!("While this ran, a struck issuer did this to {}: {}. It stands.", one.device, one.act));
    }
    if restored.issuers.len() < 2 {
        line(
            "There is one issuer: a second administrator means that nobody needs the recovery file the next time.",
        );
    }
    line(&format!("Next: keep a registrar running: wardline admin registrar --home {home}"));
}
