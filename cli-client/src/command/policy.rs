//! `wardline admin policy …`: the policy is shown as a file, changed as one, and shown rule by rule before it is signed.
//!
//! The home is open only while the relay is asked: an editor or a question that waits for its person holds nobody up who has a
//! device to revoke. What comes between is seen by the number that the policy was made from.

use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::{Command as Program, ExitCode},
};

use wardline_client_core::api::{
    Answer, Command, Failure, FailureKind, PolicyShown, PolicyTask as Task, PolicyText,
};

use crate::{
    args::{Globals, PolicyTask},
    home, policy_file, print,
};

/// Carries out `admin policy …`.
pub(crate) async fn run(globals: &Globals, task: PolicyTask) -> Result<ExitCode, Failure> {
    let shown = match task {
        PolicyTask::Show => ask(globals, Task::Show).await?,
        PolicyTask::Publish(args) => publish(globals, (read(&args.file)?, args.yes)).await?,
        PolicyTask::Edit => edit(globals).await?,
    };
    print::policy(&shown, globals.json);
    Ok(ExitCode::SUCCESS)
}

async fn ask(globals: &Globals, what: Task) -> Result<PolicyShown, Failure> {
    let mut open = home::open(globals).await?;
    let outcome = open.execute(Command::Policy { what }, home::reach(globals)).await;
    open.close().await?;
    match outcome? {
        Answer::Policy(shown) => Ok(shown),
        _ => Err(Failure::defect("A policy was asked for, and something else answered.")),
    }
}

/// Shows what changes, asks, and has it signed.
async fn publish(globals: &Globals, (policy, yes): (PolicyText, bool)) -> Result<PolicyShown, Failure> {
    let in_force = ask(globals, Task::Show).await?;
    let changes = policy_file::changes(&in_force.policy, &policy);
    if changes.is_empty() {
        print::note("Nothing changes: it says what the policy in force says.", globals.json);
        return Ok(in_force);
    }
    // Also with --json: nobody is asked about what they were not shown.
    print::policy_changes(in_force.policy.number, &changes);
    if !yes {
        agree()?;
    }
    ask(globals, Task::Publish { policy }).await
}

fn agree() -> Result<(), Failure> {
    let refused = |why: &str| {
        let now = "If it is right, say so: wardline admin policy publish FILE --yes.";
        Failure::new(FailureKind::Input, "The policy was not changed.", why, now)
    };
    if !std::io::stdin().is_terminal() {
        return Err(refused("There is no terminal to ask on whether it is right."));
    }
    print::ask("Put it in force for every device? [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer).is_ok();
    match read && answer.trim().eq_ignore_ascii_case("y") {
        true => Ok(()),
        false => Err(refused("You did not say yes.")),
    }
}

/// Has the policy changed in an editor. What was written stays in the home until it is in force, or another policy is.
async fn edit(globals: &Globals) -> Result<PolicyShown, Failure> {
    let folder = home::folder(globals)?;
    let in_force = ask(globals, Task::Show).await?;
    let draft = draft(&folder, &in_force.policy)?;
    let outcome = match open_in_editor(&draft).and_then(|()| read(&draft)) {
        Ok(policy) => publish(globals, (policy, false)).await,
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(shown) => {
            // One that stays is put aside the next time.
            let _ = fs::remove_file(&draft);
            Ok(shown)
        }
        Err(failure) => {
            let kept = format!("{} What you wrote is in {}.", failure.now, draft.display());
            Err(Failure { now: kept.trim_start().to_owned(), ..failure })
        }
    }
}

/// The file to edit: the draft that was left, if it was made from the policy in force, else a new one.
fn draft(folder: &Path, in_force: &PolicyText) -> Result<PathBuf, Failure> {
    let draft = folder.join("policy.draft.toml");
    if draft.exists() {
        if read(&draft).is_ok_and(|left| left.number == in_force.number) {
            print::note("Going on with the draft that was left here.", false);
            return Ok(draft);
        }
        let aside = folder.join("policy.draft.old.toml");
        fs::rename(&draft, &aside).map_err(|error| unusable(&draft, &error))?;
        let words = "A draft that was left here was made from another policy, or is none; it is in";
        print::note(&format!("{words} {}.", aside.display()), false);
    }
    let written = fs::File::create_new(&draft)
        .and_then(|mut file| file.write_all(policy_file::write(in_force).as_bytes()));
    written.map_err(|error| unusable(&draft, &error))?;
    Ok(draft)
}

/// The shell reads what is named as the editor, as it does for others that start one.
fn open_in_editor(draft: &Path) -> Result<(), Failure> {
    let named = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = named("VISUAL").or_else(|| named("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let ended = Program::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(draft).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Failure::new(
            FailureKind::Input,
            format!("The editor “{editor}” did not end well."),
            "Nothing was changed.",
            "Name another in $EDITOR, or use: wardline admin policy publish FILE.",
        )),
    }
}

fn read(file: &Path) -> Result<PolicyText, Failure> {
    policy_file::read(&fs::read_to_string(file).map_err(|error| unusable(file, &error))?)
}

fn unusable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        FailureKind::Input,
        format!("{} could not be used.", file.display()),
        format!("{error}."),
        "Check the file, and run the command again.",
    )
}
