//! `wardline admin policy …`: the policy is shown as a file, changed as one, and shown rule by rule before it is signed.

use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
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
    let mut open = home::open(globals).await?;
    let outcome = match task {
        PolicyTask::Show => ask(&mut open, globals, Task::Show).await,
        PolicyTask::Publish(args) => match read(&args.file) {
            Ok(policy) => publish(&mut open, globals, (policy, args.yes)).await,
            Err(failure) => Err(failure),
        },
        PolicyTask::Edit => edit(&mut open, globals).await,
    };
    open.close().await?;
    print::policy(&outcome?, globals.json);
    Ok(ExitCode::SUCCESS)
}

async fn ask(open: &mut home::Home, globals: &Globals, what: Task) -> Result<PolicyShown, Failure> {
    match open.execute(Command::Policy { what }, home::reach(globals)).await? {
        Answer::Policy(shown) => Ok(shown),
        _ => Err(Failure::defect("A policy was asked for, and something else answered.")),
    }
}

/// Shows what changes, asks, and has it signed.
async fn publish(
    open: &mut home::Home,
    globals: &Globals,
    (policy, yes): (PolicyText, bool),
) -> Result<PolicyShown, Failure> {
    let in_force = ask(open, globals, Task::Show).await?;
    let changes = policy_file::changes(&in_force.policy, &policy);
    if changes.is_empty() {
        return Ok(in_force);
    }
    if !globals.json {
        print::policy_changes(in_force.policy.number, &changes);
    }
    if !yes {
        agree()?;
    }
    ask(open, globals, Task::Publish { policy }).await
}

fn agree() -> Result<(), Failure> {
    let refused = |why: &str| {
        let now = "If it is right, run the command again with --yes.";
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

/// Has the policy changed in an editor. What was written stays in the home until it is in force.
async fn edit(open: &mut home::Home, globals: &Globals) -> Result<PolicyShown, Failure> {
    let draft = home::folder(globals)?.join("policy.draft.toml");
    if !draft.exists() {
        let in_force = ask(open, globals, Task::Show).await?;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&draft)
            .map_err(|error| unusable(&draft, &error))?;
        file.write_all(policy_file::write(&in_force.policy).as_bytes())
            .map_err(|error| unusable(&draft, &error))?;
    }
    let outcome = match open_in_editor(&draft).and_then(|()| read(&draft)) {
        Ok(policy) => publish(open, globals, (policy, false)).await,
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(shown) => {
            // One that stays is only opened again the next time.
            let _ = fs::remove_file(&draft);
            Ok(shown)
        }
        Err(failure) => Err(Failure {
            now: format!("{} What you wrote is in {}.", failure.now, draft.display()),
            ..failure
        }),
    }
}

fn open_in_editor(draft: &Path) -> Result<(), Failure> {
    let named = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = named("VISUAL").or_else(|| named("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let mut words = editor.split_whitespace();
    let ended =
        words.next().map(|program| std::process::Command::new(program).args(words).arg(draft).status());
    match ended {
        Some(Ok(status)) if status.success() => Ok(()),
        _ => Err(Failure::new(
            FailureKind::Input,
            format!("The editor “{editor}” did not end well."),
            "Nothing was changed.",
            "Name another in $EDITOR, or use: wardline admin policy publish FILE.",
        )),
    }
}

fn read(file: &PathBuf) -> Result<PolicyText, Failure> {
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
