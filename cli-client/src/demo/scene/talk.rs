//! Beginning a conversation, saying something in it, giving it another name.

use std::time::Instant;

use wardline_client_core::api::{Answer, Command, Failure, FailureKind, Reach};

use super::{PHONE, Said, Scene, Span, TABLET};
use crate::demo::device::unexpected;

impl Scene {
    /// doctor-a begins a conversation with nurse-b.
    pub(super) async fn begin(&mut self, name: &str) -> Result<(), Failure> {
        let create = Command::ConversationCreate {
            name: name.to_owned(),
            with: vec!["nurse-b".to_owned()],
            suite: None,
        };
        let Answer::Changed(changed) = self.devices[PHONE].ask(create).await? else {
            return Err(unexpected());
        };
        self.conversation = changed.conversation;
        self.names.push(name.to_owned());
        self.members = vec![PHONE, TABLET];
        let last = self.last().await?;
        self.devices[TABLET].shows(&self.conversation, last).await?;
        for device in [PHONE, TABLET] {
            self.spans.insert(device, Span { from: 0, to: u64::MAX });
        }
        self.clinic.report.step(&format!("doctor-a's phone makes “{name}” with nurse-b"));
        Ok(())
    }

    /// A device says something; returns when every member shows it.
    pub(crate) async fn say(&mut self, by: usize, text: &str) -> Result<u64, Failure> {
        let device = &self.devices[by];
        let begun = Instant::now();
        let sent = device.send(&self.conversation, text, Reach::Online).await?;
        let Some(number) = sent.number else {
            return Err(Failure::new(
                FailureKind::Unavailable,
                format!("A message of {} was {}.", device.label(), sent.state),
                sent.why.unwrap_or_default(),
                "",
            ));
        };
        for member in &self.members {
            self.devices[*member].shows(&self.conversation, number).await?;
        }
        let took = begun.elapsed().as_millis();
        let others = self.members.len() - 1;
        self.clinic.report.step(&format!(
            "{}: “{text}” (number {number}, on {others} other {} after {took} ms)",
            device.label(),
            if others == 1 { "device" } else { "devices" }
        ));
        self.said.push(Said { text: text.to_owned(), by, number: Some(number) });
        Ok(number)
    }

    /// doctor-a gives the conversation another name.
    pub(super) async fn rename(&mut self, name: &str) -> Result<(), Failure> {
        let rename =
            Command::ConversationRename { conversation: self.conversation.clone(), name: name.to_owned() };
        self.devices[PHONE].ask(rename).await?;
        self.names.push(name.to_owned());
        let last = self.last().await?;
        for member in &self.members {
            self.devices[*member].shows(&self.conversation, last).await?;
        }
        self.clinic.report.step(&format!("doctor-a's phone renames it “{name}”"));
        Ok(())
    }
}
