//! `wardline admin invite`: invites one person or a file of people, lists and withdraws invitations.

use std::{path::Path, process::ExitCode};

use wardline_client_core::api::{Answer, Command, Failure, FailureKind, Invitee};

use super::once;
use crate::{
    args::{Globals, InviteArgs, InviteTask},
    home, print,
};

/// The most people one file invites.
const PEOPLE_MAX: usize = 10_000;

/// Invites.
pub(crate) async fn run(globals: &Globals, args: InviteArgs) -> Result<ExitCode, Failure> {
    let people = match (args.task, args.file, args.user) {
        (Some(InviteTask::List), ..) => return once::run(globals, Command::InvitationList).await,
        (Some(InviteTask::Cancel { invitation }), ..) => {
            return once::run(globals, Command::InvitationCancel { invitation }).await;
        }
        (None, Some(file), _) => read(&file)?,
        (None, None, Some(user)) => {
            let name = args.name.unwrap_or_else(|| user.clone());
            vec![Invitee { user, name, role: args.role, replaces: args.replaces }]
        }
        (None, None, None) => Vec::new(),
    };
    let mut open = home::open(globals).await?;
    let command = Command::Invite { people, valid_seconds: args.valid };
    let outcome = open.execute(command, home::reach(globals)).await;
    open.close().await?;
    match outcome? {
        Answer::Invited(invited) => {
            print::invited(&invited, globals.json);
            if invited.stopped.is_some() {
                return Ok(ExitCode::from(FailureKind::Unavailable.exit_status()));
            }
        }
        other => print::answer(&other, globals.json),
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads lines of user,role,name; a first line that says so, empty lines and # comments are skipped.
fn read(file: &Path) -> Result<Vec<Invitee>, Failure> {
    let wrong = |why: String| {
        Failure::new(
            FailureKind::Input,
            "The file of people cannot be used; nobody was invited.",
            why,
            "Write one person a line: user,role,name.",
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(format!("{error}.")))?;
    let mut people = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let heading = number == 0 && line.eq_ignore_ascii_case("user,role,name");
        if line.is_empty() || line.starts_with('#') || heading {
            continue;
        }
        let mut fields = line.splitn(3, ',').map(|field| field.trim().trim_matches('"'));
        let (Some(user), Some(role), Some(name)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(wrong(format!("Line {} has not three fields.", number + 1)));
        };
        people.push(Invitee {
            user: user.to_owned(),
            role: role.to_owned(),
            name: name.to_owned(),
            replaces: None,
        });
    }
    if people.is_empty() || people.len() > PEOPLE_MAX {
        return Err(wrong(format!("It names {} people.", people.len())));
    }
    Ok(people)
}
