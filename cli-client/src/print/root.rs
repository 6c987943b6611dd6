//! What was done with the root's file, as people read it.

use std::{io::Write as _, path::Path};

use serde_json::json;
use wardline_client_core::api::{BackedUpRoot, Restored, ShownRoot};

use super::{line, object};

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
    if restored.issuers.len() < 2 {
        line(
            "There is one issuer: a second administrator means that nobody needs the recovery file the next time.",
        );
    }
    line(&format!("Next: keep a registrar running: wardline admin registrar --home {home}"));
}
