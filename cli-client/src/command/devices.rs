//! `wardline admin device …`, `wardline admin user …` and `wardline device lost`: which devices there are, and which are out.

use std::{process::ExitCode, time::Duration};

use tokio::time::Instant;
use wardline_client_core::api::{Act, Acts, Answer, Command, DeviceStatus, Failure, FailureKind, HoldTask};

use super::{once, record};
use crate::{
    args::{AdminDeviceTask, AdminUserTask, Globals, LostArgs, Person, PutOut},
    home::{self, Home},
    print,
};

/// How often it is asked again how conversations close.
const LOOK: Duration = Duration::from_secs(1);

/// Carries out `admin device …`.
pub(crate) async fn run(globals: &Globals, task: AdminDeviceTask) -> Result<ExitCode, Failure> {
    let (named, kind, reason, wait, even_own) = match task {
        AdminDeviceTask::List { user } => {
            return once::run(globals, Command::AdminDeviceList { user }).await;
        }
        AdminDeviceTask::Status { device, watch: false } => {
            return once::run(globals, Command::AdminDeviceStatus { device }).await;
        }
        AdminDeviceTask::Status { device, watch: true } => return watch(globals, device).await,
        AdminDeviceTask::Record(args) => return record::device(globals, args).await,
        AdminDeviceTask::Revoke(PutOut { devices, reason, care }) => {
            (devices, "revoked", reason, care.wait, care.even_own)
        }
        AdminDeviceTask::Hold(PutOut { devices, reason, care }) => {
            (devices, "held", reason, care.wait, care.even_own)
        }
        AdminDeviceTask::Reinstate { devices, reason } => (devices, "reinstated", reason, 0, false),
    };
    let act = Act { kind: kind.to_owned(), reason, even_own };
    act_and_wait(globals, Command::AdminDeviceAct { devices: named.devices, act }, wait).await
}

/// Carries out `device lost`.
pub(crate) async fn lost(globals: &Globals, args: LostArgs) -> Result<ExitCode, Failure> {
    let LostArgs { devices, reason, wait } = args;
    let what = HoldTask::Lost { devices: devices.devices, reason };
    act_and_wait(globals, Command::Holds { what }, wait).await
}

/// Carries out `admin user …`.
pub(crate) async fn run_user(globals: &Globals, task: AdminUserTask) -> Result<ExitCode, Failure> {
    let (Person { user, reason, care }, kind, usual) = match task {
        AdminUserTask::Hold(person) => (person, "held", "other"),
        AdminUserTask::Reinstate(person) => (person, "reinstated", "found"),
        AdminUserTask::Offboard(person) => (person, "revoked", "left"),
    };
    let wait = if kind == "reinstated" { 0 } else { care.wait };
    let reason = reason.unwrap_or_else(|| usual.to_owned());
    let act = Act { kind: kind.to_owned(), reason, even_own: care.even_own };
    act_and_wait(globals, Command::AdminUserAct { user, act }, wait).await
}

/// Has an act carried out, prints that it is in force, then how the devices go out of their conversations.
async fn act_and_wait(globals: &Globals, command: Command, wait: u64) -> Result<ExitCode, Failure> {
    let mut open = home::open(globals).await?;
    let outcome = open.execute(command, home::reach(globals)).await;
    let outcome = match outcome {
        Ok(Answer::Acts(acts)) => {
            print::answer(&Answer::Acts(acts.clone()), globals.json);
            follow(globals, &mut open, &acts, Duration::from_secs(wait)).await
        }
        Ok(other) => {
            print::answer(&other, globals.json);
            Ok(())
        }
        Err(failure) => Err(failure),
    };
    open.close().await?;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Prints from how many conversations each device is out whenever that changes, until it is out of all or the time is over.
/// The act is in force whatever becomes of this.
async fn follow(globals: &Globals, open: &mut Home, acts: &Acts, wait: Duration) -> Result<(), Failure> {
    let until = Instant::now() + wait;
    let mut open_devices: Vec<(String, Option<usize>)> =
        acts.devices.iter().map(|one| (one.device.clone(), None)).collect();
    while !open_devices.is_empty() && !wait.is_zero() {
        let mut left = Vec::with_capacity(open_devices.len());
        for (device, shown) in open_devices {
            let Some(status) = ask(globals, open, &device).await? else {
                left.push((device, shown));
                continue;
            };
            if shown != Some(status.removed) {
                print::removals(&status, globals.json);
            }
            if status.removed < status.of {
                left.push((device, Some(status.removed)));
            }
        }
        open_devices = left;
        if Instant::now() >= until {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    if !open_devices.is_empty() && !wait.is_zero() {
        let what = "It goes on by itself; until a device is out, nothing is said there.";
        let (device, _) = &open_devices[0];
        print::note(
            &format!("{what} Follow it: wardline admin device status {device:.8} --watch"),
            globals.json,
        );
    }
    Ok(())
}

/// Shows where a device stands, and again whenever that changes, until it is out everywhere.
async fn watch(globals: &Globals, device: String) -> Result<ExitCode, Failure> {
    let mut open = home::open(globals).await?;
    let mut shown = None;
    let outcome = loop {
        let status = match ask(globals, &mut open, &device).await {
            Ok(Some(status)) => status,
            Ok(None) => {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            Err(failure) => break Err(failure),
        };
        let all_out = status.removed == status.of && status.device.state != "in_force";
        let now = (status.device.state.clone(), status.removed, status.of, status.confirmed);
        if shown.as_ref() != Some(&now) {
            print::answer(&Answer::DeviceStatus(Box::new(status)), globals.json);
            shown = Some(now);
        }
        if all_out {
            break Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(LOOK).await;
    };
    open.close().await?;
    outcome
}

/// Where a device stands; `None` while the relay cannot be reached.
async fn ask(globals: &Globals, open: &mut Home, device: &str) -> Result<Option<DeviceStatus>, Failure> {
    let command = Command::AdminDeviceStatus { device: device.to_owned() };
    match open.execute_by_itself(command, home::reach(globals)).await {
        Ok(Answer::DeviceStatus(status)) => Ok(Some(*status)),
        Ok(_) => Ok(None),
        Err(failure) if failure.kind == FailureKind::Unavailable => Ok(None),
        Err(failure) => Err(failure),
    }
}
