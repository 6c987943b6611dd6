//! kill -9 of the relay: one message before, one under way, one written while it is away, one after.

use wardline_client_core::api::{Command, Failure, FailureKind, Reach};

use super::{Crash, PHONE, STATION, Said, Scene, TABLET};
use crate::demo::folder;

const BEFORE: &str = "Drip in bed 7 is through";
const UNDER_WAY: &str = "Blood pressure 90 over 50, please look";
const QUEUED: &str = "On my way, give 500 ml";
const AFTER: &str = "Pressure is back, 120 over 70";

impl Scene {
    /// Kills the relay and starts it again.
    pub(super) async fn crash(&mut self) -> Result<Crash, Failure> {
        // 1. Acknowledged before.
        self.say(PHONE, BEFORE).await?;

        // 2. The relay dies with a request unanswered, as far as that can be timed from outside.
        let answered = self.kill_under_way(UNDER_WAY).await?;
        let how = if answered { "just after its answer" } else { "before its answer" };
        self.clinic.report.step(&format!(
            "nurse-b's tablet: “{UNDER_WAY}”; the relay is killed (SIGKILL) with it under way, {how}"
        ));
        // What lies on the relay's disk in that moment is searched later.
        folder::copy(self.clinic.relay.data(), &self.clinic.folder.path().join("relay-killed"))?;
        self.said.push(Said { text: UNDER_WAY.to_owned(), by: TABLET, number: None });

        // 3. People go on, in vaults that are open: what they write waits.
        let sent = self.devices[PHONE].send(&self.conversation, QUEUED, Reach::Offline).await?;
        if sent.state != "queued" {
            return Err(Failure::new(
                FailureKind::Defect,
                format!("A message was {} without a relay.", sent.state),
                "",
                "",
            ));
        }
        self.clinic.report.step(&format!("doctor-a's phone: “{QUEUED}”; it waits on the phone"));
        self.said.push(Said { text: QUEUED.to_owned(), by: PHONE, number: None });

        // 4. The relay comes back; what waited goes out by itself.
        let process = self.clinic.relay.start().await?;
        self.clinic.report.step(&format!("the relay runs again, as process {process}"));
        for device in &self.devices {
            device.sync().await?;
        }
        self.arrives(UNDER_WAY).await?;
        self.arrives(QUEUED).await?;
        self.clinic.report.step("both messages are on every device");
        self.say(STATION, AFTER).await?;
        Ok(Crash { answered, under_way: UNDER_WAY.to_owned(), queued: QUEUED.to_owned() })
    }

    /// The tablet sends, and the relay is killed as soon as the request was handed to the connection. Answers
    /// whether the relay's answer was there all the same.
    async fn kill_under_way(&mut self, text: &str) -> Result<bool, Failure> {
        let tablet = &self.devices[TABLET];
        let mut sends = tablet.record().sends();
        sends.mark_unchanged();
        let client = tablet.client()?.clone();
        let command = Command::Send {
            conversation: self.conversation.clone(),
            text: text.to_owned(),
            expires_seconds: None,
        };
        let mut sending = tokio::spawn(async move { client.execute(command, Reach::Online).await });
        // An answer without a request would be a refusal on the device; then nothing is under way, and it shows.
        tokio::select! {
            _ = sends.changed() => {}
            outcome = &mut sending => drop(outcome),
        }
        self.clinic.relay.kill();
        let answered = sending.is_finished();
        sending.abort();
        if !answered {
            // Ended by the abort, or with an answer at the last moment: either is fine.
            let _ = sending.await;
        }
        Ok(answered)
    }
}
