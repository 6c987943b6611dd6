//! Who comes in late, and who goes.

use wardline_client_core::{
    api::{Answer, Command, Failure},
    vault::KdfCost,
};

use super::{DESK, PHONE, STATION, Scene, Span, TABLET};
use crate::demo::device::{Copy, unexpected};

impl Scene {
    /// doctor-c is added; answers the station's vault right after it came in.
    pub(super) async fn add_late(&mut self, name: &str) -> Result<Copy, Failure> {
        let users = vec!["doctor-c".to_owned()];
        let add = Command::ConversationAdd { conversation: self.conversation.clone(), users };
        self.devices[PHONE].ask(add).await?;
        let from = self.comes_in(STATION).await?;
        let copy = self.copy(STATION, name).await?;
        self.clinic.report.step(&format!("doctor-a's phone adds doctor-c at number {from}"));
        Ok(copy)
    }

    /// doctor-a's second device enrols, and the first one approves it.
    pub(super) async fn approve_second(&mut self) -> Result<(), Failure> {
        let desk = self.clinic.enrol("doctor-a", "Doctor A", "desk", KdfCost::floor()).await?;
        let Answer::Status(status) = desk.ask(Command::Status { seen: false }).await? else {
            return Err(unexpected());
        };
        self.devices.push(desk);
        self.devices[PHONE].ask(Command::DeviceApprove { device: status.device }).await?;
        let from = self.comes_in(DESK).await?;
        self.clinic.report.step(&format!("doctor-a's phone approves the desk; it comes in at number {from}"));
        Ok(())
    }

    /// doctor-c is removed, and learns of it.
    pub(super) async fn remove_third(&mut self) -> Result<(), Failure> {
        let remove = Command::ConversationRemove {
            conversation: self.conversation.clone(),
            user: "doctor-c".to_owned(),
        };
        self.devices[PHONE].ask(remove).await?;
        let to = self.last().await?;
        if let Some(span) = self.spans.get_mut(&STATION) {
            span.to = to;
        }
        self.members = vec![PHONE, TABLET, DESK];
        for member in &self.members {
            self.devices[*member].shows(&self.conversation, to).await?;
        }
        self.clinic.report.step(&format!("doctor-a's phone removes doctor-c at number {to}"));
        self.devices[STATION].shows(&self.conversation, to).await?;
        let state = self.devices[STATION].show(&self.conversation).await?.summary.state;
        self.clinic.report.step(&format!("doctor-c's station shows: {state}"));
        Ok(())
    }

    /// doctor-c's station connects once more after what was said without it.
    pub(super) async fn still_out(&mut self) -> Result<(), Failure> {
        let station = &mut self.devices[STATION];
        station.close().await?;
        station.open().await?;
        station.sync().await?;
        let last = station.show(&self.conversation).await?.number;
        self.clinic
            .report
            .step(&format!("doctor-c's station connects again; the last it has is number {last}"));
        Ok(())
    }

    /// Waits until a device that was added shows the conversation; answers where it came in.
    async fn comes_in(&mut self, device: usize) -> Result<u64, Failure> {
        let from = self.last().await?;
        self.members.push(device);
        for member in &self.members {
            self.devices[*member].shows(&self.conversation, from).await?;
        }
        self.spans.insert(device, Span { from, to: u64::MAX });
        Ok(from)
    }
}
