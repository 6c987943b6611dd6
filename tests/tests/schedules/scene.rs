//! Runs one schedule: two devices and a relay from the template, the operations, then healing, syncing, judging.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use wardline_client_core::api::{Command, FailureKind};
use wardline_identity::ManualClock;
use wardline_tests::in_process::{Planted, RelayHouse};

use crate::{
    judge,
    operation::{Operation, Side},
    phone::{Notes, Phone},
    template::{PEOPLE, Template},
    virtual_time::VirtualTime,
};

/// What came of a schedule.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// What was not as it must be; empty if the schedule is good.
    pub(crate) faults: Vec<String>,
    /// How many messages the relay acknowledged.
    pub(crate) acknowledged: usize,
    /// How many both devices show.
    pub(crate) delivered: usize,
    /// The number of the first message.
    pub(crate) first_number: u64,
}

/// Both devices and the relay.
pub(crate) struct Scene {
    pub(crate) conversation: String,
    pub(crate) phones: [Phone; 2],
    house: Arc<RelayHouse>,
    time: VirtualTime,
    pub(crate) notes: Arc<Mutex<Notes>>,
}

/// Runs the operations on a copy of the template, in a runtime of its own.
pub(crate) fn run(
    template: &Template,
    seed: u64,
    operations: &[Operation],
    planted: Option<Planted>,
) -> Verdict {
    let copy = template.copy(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let clock = Arc::new(ManualClock::new(template.made));
        let time = VirtualTime::begin(clock.clone());
        let house = RelayHouse::open(&copy.path("relay"), clock.clone()).await;
        let notes = Arc::<Mutex<Notes>>::default();
        let open = async |user| Phone::open(user, copy.path(user), &house, &clock, (&notes, seed)).await;
        let phones = [open(PEOPLE[0]).await, open(PEOPLE[1]).await];
        if let Some(planted) = planted {
            phones[1].connector.faults().plant(planted);
        }
        let mut scene = Scene { conversation: copy.conversation.clone(), phones, house, time, notes };
        for (place, operation) in operations.iter().enumerate() {
            scene.perform(*operation, &format!("{seed}-{place}")).await;
        }
        let verdict = judge::judge(&mut scene).await;
        for phone in &mut scene.phones {
            phone.end().await;
        }
        scene.house.stop().await;
        verdict
    })
}

impl Scene {
    fn phone(&mut self, side: Side) -> &mut Phone {
        match side {
            Side::A => &mut self.phones[0],
            Side::B => &mut self.phones[1],
        }
    }

    async fn perform(&mut self, operation: Operation, mark: &str) {
        let conversation = self.conversation.clone();
        match operation {
            Operation::Send(side) => self.phone(side).send(&conversation, format!("note {mark}")),
            Operation::Rename(side) => {
                let rename = Command::ConversationRename { conversation, name: format!("Ward {mark}") };
                let not_a_keeper = (side == Side::B).then_some(FailureKind::Refused);
                self.phone(side).change(rename, not_a_keeper);
            }
            Operation::LetIn(side) => {
                let user = PEOPLE[2].to_owned();
                self.phone(side).change(Command::ConversationAdd { conversation, user }, None);
            }
            Operation::PutOut => {
                let user = PEOPLE[2].to_owned();
                let remove = Command::ConversationRemove { conversation, user };
                self.phone(Side::A).change(remove, Some(FailureKind::Unknown));
            }
            Operation::DropConnection(side) => self.phone(side).connector.drop_connection(),
            Operation::CrashDevice(side) => self.phone(side).crash().await,
            Operation::CrashRelay => self.house.crash().await,
            Operation::Advance(seconds) => self.time.leap(seconds).await,
            Operation::Fault(side, fault) => self.phone(side).connector.faults().push(fault),
            Operation::Pause(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
    }

    /// What should not have happened so far.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).faults.clone()
    }
}
