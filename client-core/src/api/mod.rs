//! The facade that the CLI and the phones see: commands in, answers and events out.

mod admin_status;
mod administrators;
mod answer;
mod change;
mod client;
mod closed_status;
mod command;
mod concerns;
mod devices;
mod execute;
mod failure;
mod freshness;
mod home;
mod inventory;
mod invitation;
mod membership;
mod outbox;
mod policy;
mod record_log;
mod record_words;
mod relay_fault;
mod removal_record;
mod revoke;
mod span;
mod talk;
mod time_text;
mod vault_verified;

pub use admin_status::{
    AdminStatus, Concern, DeviceCounts, IssuerShown, ListShown, OpenRemovals, RecordShown,
};
pub use administrators::{
    AdministratorState, Administrators, IssuerPerson, IssuerRequestShown, add_administrator,
    remove_administrator,
};
pub use answer::{
    Answer, Approved, Changed, ConversationDetail, ConversationSummary, Conversations, Devices, ListKept,
    Member, MemberDevice, Message, Messages, Outbox, OutboxMessage, OwnDevice, People, Person, Responders,
    Sent, Status, Synced,
};
pub use client::{Client, Event, Options};
pub use closed_status::{ClosedStatus, closed_status};
pub use command::{Act, AdministratorTask, Command, HoldTask, Invitee, Reach};
pub(crate) use execute::user_id;
pub use failure::{Failure, FailureKind};
pub use home::{back_up_root, change_passcode, enrol, found, open_copy, restore_root, show_root};
pub(crate) use inventory::standing_word;
pub use inventory::{
    ActedDevice, Acts, DeviceRemoval, DeviceStatus, FoundDevice, Inventory, InventoryDevice, ListState,
};
pub use invitation::{InvitationSummary, Invitations, Invited, Judged, JudgedDevice, NewInvitation};
pub use membership::{MemberFault, WaitingDevice};
pub(crate) use membership::{member_faults, waiting_devices};
pub use policy::{PolicyShown, PolicyTask, PolicyText};
pub use record_log::{RecordChecked, RecordFilter, RecordLine, RecordLog};
pub use relay_fault::RelayFault;
pub use removal_record::{ActText, ProvenText, RemovalRecordFile, RemovalText, verify_removal_record};
pub use span::{read_span, short_span, span};
pub use time_text::rfc3339;
pub use vault_verified::{LeftOver, VaultVerified};

pub use crate::session::{
    Appointed, Appointing, BackedUpRoot, Connected, Connector, DeviceLeft, DoneMeanwhile, Enrolled,
    Enrolment, Founded, Founding, KeptShown, Lost, PasscodeChange, Progress, RecordSeen, Restored, Restoring,
    ShownRoot, StrikePlan, StruckShown, invitation_connector,
};
