//! The facade that the CLI and the phones see: commands in, answers and events out.

mod answer;
mod change;
mod client;
mod command;
mod devices;
mod execute;
mod failure;
mod home;
mod membership;
mod outbox;
mod relay_fault;
mod talk;
mod time_text;

pub use answer::{
    Answer, Approved, Changed, ConversationDetail, ConversationSummary, Conversations, Devices,
    InvitationSummary, Invitations, Invited, Judged, JudgedDevice, Member, MemberDevice, Message, Messages,
    NewInvitation, Outbox, OutboxMessage, OwnDevice, People, Person, Sent, Status, Synced,
};
pub use client::{Client, Event, Options};
pub use command::{Command, Invitee, Reach};
pub use failure::{Failure, FailureKind};
pub use home::{enrol, found};
pub use membership::{MemberFault, WaitingDevice};
pub(crate) use membership::{member_faults, waiting_devices};
pub use relay_fault::RelayFault;
pub use time_text::rfc3339;

pub use crate::session::{
    Connected, Connector, Enrolled, Enrolment, Founded, Founding, Progress, invitation_connector,
};
