//! The commands: one file each where there is something to tell.

mod administrators;
mod complete;
mod devices;
mod enrol;
mod found;
mod invite;
mod once;
mod passcode;
mod policy;
mod read;
mod record;
mod registrar;
mod root;
mod send;
mod status;
mod sync;
mod unlock;

use std::process::ExitCode;

use wardline_client_core::{
    api::{Command, Failure, HoldTask},
    owner::OpenFor,
};

use crate::{
    args::{
        AdminResponderTask, AdminTask, Args, ConversationTask, DeviceTask, OutboxTask, PasscodeTask,
        ResponderTask, Task, VaultTask,
    },
    demo,
};

/// Runs one command line.
pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let globals = args.globals;
    match args.task {
        Task::Demo { keep } => demo::run(keep, globals.json).await,
        Task::Admin(AdminTask::Status) => once::run(&globals, Command::AdminStatus).await,
        Task::Admin(AdminTask::Found(found)) => found::run(&globals, found).await,
        Task::Admin(AdminTask::Invite(invite)) => invite::run(&globals, invite).await,
        Task::Admin(AdminTask::Registrar { once }) => registrar::run(&globals, once).await,
        Task::Admin(AdminTask::Device(task)) => devices::run(&globals, task).await,
        Task::Admin(AdminTask::User(task)) => devices::run_user(&globals, task).await,
        Task::Admin(AdminTask::Responder(task)) => once::run(&globals, admin_responder(task)).await,
        Task::Admin(AdminTask::Policy(task)) => policy::run(&globals, task).await,
        Task::Admin(AdminTask::Administrator(task)) => administrators::run(&globals, task).await,
        Task::Admin(AdminTask::Log(args)) => record::log(&globals, args).await,
        Task::Admin(AdminTask::Root(task)) => root::run(&globals, task).await,
        Task::Admin(AdminTask::Verify(args)) => record::verify(&globals, &args),
        Task::Enrol { invitation, device } => enrol::run(&globals, &invitation, &device).await,
        Task::Conversation(task) => once::run(&globals, conversation(task)).await,
        Task::Send { conversation, text, expires } => {
            send::run(&globals, (conversation, text, expires)).await
        }
        Task::Recall { conversation, number } => send::recall(&globals, conversation, number).await,
        Task::Read { conversation, follow, since, new } => {
            let reading = read::Reading { conversation, follow, since, new };
            read::run(&globals, reading).await
        }
        Task::Passcode(PasscodeTask::Change { new_passcode_file }) => {
            passcode::change(&globals, new_passcode_file.as_deref()).await
        }
        Task::Unlock(args) => unlock::unlock(&globals, args).await,
        Task::Lock => unlock::lock(&globals).await,
        Task::Agent { auto_lock_seconds, max_open_seconds } => {
            unlock::agent(&globals, OpenFor { auto_lock_seconds, max_open_seconds }).await
        }
        Task::Vault(VaultTask::Verify) => once::run(&globals, Command::VaultVerify).await,
        Task::Sync { follow: false } => once::run(&globals, Command::Sync).await,
        Task::Sync { follow: true } => sync::run(&globals).await,
        Task::People { word } => once::run(&globals, Command::People { word }).await,
        Task::Outbox(OutboxTask::List) => once::run(&globals, Command::OutboxList).await,
        Task::Outbox(OutboxTask::Retry { message }) => {
            once::run(&globals, Command::OutboxRetry { message }).await
        }
        Task::Outbox(OutboxTask::Discard { message }) => {
            once::run(&globals, Command::OutboxDiscard { message }).await
        }
        Task::Status { seen } => status::run(&globals, seen).await,
        Task::Device(DeviceTask::List) => once::run(&globals, Command::DeviceList).await,
        Task::Device(DeviceTask::Approve { device }) => {
            once::run(&globals, Command::DeviceApprove { device }).await
        }
        Task::Device(DeviceTask::Lost(lost)) => devices::lost(&globals, lost).await,
        Task::Device(DeviceTask::Found { device }) => {
            once::run(&globals, Command::Holds { what: HoldTask::Found { device } }).await
        }
        Task::Responder(task) => once::run(&globals, responder(task)).await,
        Task::Administrator(task) => administrators::own(&globals, task).await,
        Task::Completions { shell } => {
            complete::run(shell);
            Ok(ExitCode::SUCCESS)
        }
        // Taken before a runtime exists.
        Task::Relay { .. } => Ok(ExitCode::FAILURE),
    }
}

fn responder(task: ResponderTask) -> Command {
    match task {
        ResponderTask::Devices { user } => Command::AdminDeviceList { user: Some(user) },
        ResponderTask::Hold { devices, reason } => {
            let what = HoldTask::Others { devices: devices.devices, reason };
            Command::Holds { what }
        }
    }
}

fn admin_responder(task: AdminResponderTask) -> Command {
    let what = match task {
        AdminResponderTask::Add { user } => HoldTask::AddResponder { user },
        AdminResponderTask::Remove { user } => HoldTask::RemoveResponder { user },
        AdminResponderTask::List => HoldTask::ListResponders,
    };
    Command::Holds { what }
}

fn conversation(task: ConversationTask) -> Command {
    match task {
        ConversationTask::Create { name, with, suite } => Command::ConversationCreate { name, with, suite },
        ConversationTask::List => Command::ConversationList,
        ConversationTask::Show { conversation } => Command::ConversationShow { conversation },
        ConversationTask::Add { conversation, users } => Command::ConversationAdd { conversation, users },
        ConversationTask::Remove { conversation, user } => Command::ConversationRemove { conversation, user },
        ConversationTask::Confirm { conversation, user } => {
            Command::ConversationConfirm { conversation, user }
        }
        ConversationTask::Leave { conversation } => Command::ConversationLeave { conversation },
        ConversationTask::Set { conversation, retention } => {
            Command::ConversationRetain { conversation, seconds: retention }
        }
        ConversationTask::Rename { conversation, name } => Command::ConversationRename { conversation, name },
    }
}
