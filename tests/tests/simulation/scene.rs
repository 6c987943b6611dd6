//! Runs one scene: devices and a relay from a template, the operations, then healing, syncing, judging.

use std::{collections::BTreeMap, sync::Arc, task::Poll, time::Duration};

use wardline_client_core::api::{Command, FailureKind, PolicyTask, PolicyText};
use wardline_proto::in_place::{arm, arm_once, simulate};
use wardline_tests::in_process::{Planted, RelayHouse, Trace};

use crate::{
    judge,
    judge_named::Standing,
    operation::{Act, Operation, Plan},
    phone::{Ground, Phone},
    template::{ADMINISTRATOR, CASTS, Copy, OUTSIDER, Template},
    time::SceneClock,
};

/// What is done to a scene to see whether the judge finds it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spoilt {
    /// Nothing.
    Not,
    /// Nothing, and its trace is kept.
    Told,
    /// The relay and the clients do without a guard, by the name of its fault point.
    Without(&'static str),
    /// Something lies between the second device and the relay.
    Planted(Planted),
}

/// What came of a scene.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// What was not as it must be; empty if the scene is good.
    pub(crate) faults: Vec<String>,
    /// How many messages the relay acknowledged.
    pub(crate) acknowledged: usize,
    /// How many all devices show that stayed.
    pub(crate) delivered: usize,
    /// How many acts of an administrator were answered.
    pub(crate) acts: usize,
    /// The number of the first message.
    pub(crate) first_number: u64,
    /// A digest of everything that happened.
    pub(crate) digest: u64,
    /// Everything that happened, if something is not as it must be.
    pub(crate) trace: Vec<String>,
}

/// The devices and the relay.
pub(crate) struct Scene {
    pub(crate) conversation: String,
    pub(crate) phones: Vec<Phone>,
    /// The administrator's device, where one takes part: it is in no conversation.
    pub(crate) office: Option<Phone>,
    /// Where those stand at the end whom an administrator named.
    pub(crate) standing: Standing,
    pub(crate) ground: Ground,
    pub(crate) plan: Plan,
    pub(crate) copy: Copy,
    relay_clock: Arc<SceneClock>,
}

/// tokio's own.
const USUAL_TURNS: u32 = 61;

/// Runs something on this thread alone, in virtual time: tokio leaps to the next timer whenever nothing is left to do,
/// and databases are waited for where they are asked.
pub(crate) fn in_virtual_time<F: Future>(seed: u64, work: impl FnOnce() -> F) -> F::Output {
    in_turns(seed, USUAL_TURNS, work)
}

/// The same; the work itself has a turn after so many of the others'.
fn in_turns<F: Future>(seed: u64, turns: u32, work: impl FnOnce() -> F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder
        .event_interval(turns)
        .enable_time()
        .start_paused(true)
        .global_queue_interval(u32::MAX)
        .build();
    let runtime = runtime.expect("a runtime");
    let _simulated = simulate(seed);
    runtime.block_on(async { work().await })
}

/// Runs a plan on a copy of its cast's template.
pub(crate) fn run(templates: &[Template], seed: u64, plan: &Plan, spoilt: Spoilt) -> Verdict {
    let template = &templates[plan.cast];
    let copy = template.copy();
    let turns = if plan.counts_turns() { 1 } else { USUAL_TURNS };
    in_turns(seed, turns, || async move {
        if let Spoilt::Without(guard) = spoilt {
            arm(guard);
        }
        let relay_clock = Arc::new(SceneClock::begin(template.made));
        let house = RelayHouse::open(&copy.relay(), relay_clock.clone()).await;
        let ground = Ground {
            house,
            notes: Arc::default(),
            trace: Arc::new(Trace::begin()),
            seed,
            turns_to_die: 3 * USUAL_TURNS / turns,
        };
        let mut phones = Vec::new();
        let users = CASTS[plan.cast].devices;
        for (place, user) in users.iter().enumerate() {
            let who = (*user, place, template.devices[place].as_str());
            let clock = Arc::new(SceneClock::begin(template.made));
            phones.push(Phone::open(&ground, who, copy.home(place), clock).await);
        }
        if let Spoilt::Planted(planted) = spoilt {
            phones[1].connector.faults().plant(planted);
        }
        let mut office = None;
        if plan.revokes() {
            template.copy_office(&copy);
            let who = (ADMINISTRATOR, users.len(), template.office.as_str());
            let clock = Arc::new(SceneClock::begin(template.made));
            office = Some(Phone::open(&ground, who, copy.office(), clock).await);
        }
        let conversation = template.conversation.clone();
        let plan = plan.clone();
        let standing = Standing::default();
        let mut scene = Scene { conversation, phones, office, standing, ground, plan, copy, relay_clock };
        for (place, operation) in scene.plan.operations.clone().into_iter().enumerate() {
            scene.ground.trace.say("scene", &format!("{operation:?}"));
            scene.perform(operation, &format!("{seed}-{place}")).await;
        }
        let mut verdict = judge::judge(&mut scene).await;
        for phone in scene.everybody() {
            phone.end().await;
        }
        scene.ground.house.stop().await;
        let trace = &scene.ground.trace;
        verdict.digest = trace.digest();
        if !verdict.faults.is_empty() || matches!(spoilt, Spoilt::Told) {
            verdict.trace = trace.told();
        }
        verdict
    })
}

/// Lets others go first, and is next after them: `yield_now` waits until nobody has anything to do.
async fn give_way() {
    let mut given = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Scene {
    async fn perform(&mut self, operation: Operation, mark: &str) {
        let conversation = self.conversation.clone();
        match operation {
            Operation::Send(device) => self.phones[device].send(&conversation, format!("note {mark}")),
            Operation::Rename(device) => {
                let rename = Command::ConversationRename { conversation, name: format!("Ward {mark}") };
                let keeper = self.phones[device].user == self.phones[0].user;
                self.phones[device].change(rename, if keeper { &[] } else { &[FailureKind::Refused] });
            }
            Operation::Add(device, user) => {
                let users = vec![user.to_owned()];
                self.phones[device].change(Command::ConversationAdd { conversation, users }, &[]);
            }
            Operation::Remove(user) => {
                self.goes(user);
                let remove = Command::ConversationRemove { conversation, user: user.to_owned() };
                self.phones[0].change(remove, &[FailureKind::Unknown]);
            }
            Operation::Leave(device) => {
                self.goes(self.phones[device].user);
                self.phones[device].change(Command::ConversationLeave { conversation }, &[]);
            }
            Operation::DropConnection(device) => self.phone(device).connector.drop_connection(),
            Operation::CrashDevice(device) => self.phone(device).crash().await,
            Operation::CrashRelay => self.ground.house.crash().await,
            Operation::KeepCopy => self.ground.house.keep_copy(&self.copy.backup()).await,
            Operation::Restore => self.ground.house.restore(&self.copy.backup()).await,
            Operation::LeapAll(seconds) => {
                self.relay_clock.leap_with_all(seconds);
                self.everybody().for_each(|phone| phone.clock.leap_with_all(seconds));
            }
            Operation::LeapDevice(device, seconds) => self.phones[device].clock.leap(seconds),
            Operation::LeapRelay(seconds) => self.relay_clock.leap(seconds),
            Operation::Fault(device, fault) => self.phone(device).connector.faults().push(fault),
            Operation::Act(device, act) => self.acts(device, act),
            Operation::Policy => {
                let policy = PolicyText {
                    number: 0,
                    life_seconds_max: 7 * 86_400,
                    life_seconds_default: 86_400,
                    text_bytes_max: 4_096,
                    minimum_versions: BTreeMap::new(),
                    auto_lock_seconds: 900,
                    max_open_seconds: 28_800,
                };
                let what = PolicyTask::Publish { policy };
                self.office.as_mut().expect("an administrator").change(Command::Policy { what }, &[]);
            }
            Operation::Worthless => arm_once("member.worthless_commit"),
            Operation::Garbage => arm_once("member.garbage_path"),
            Operation::Turns(turns) => {
                for _ in 0..turns {
                    give_way().await;
                }
            }
            Operation::Pause(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
    }

    /// A device by its place; the administrator's comes after the cast's.
    fn phone(&mut self, place: usize) -> &mut Phone {
        let office = self.office.as_mut().filter(|_| place == self.phones.len());
        office.unwrap_or_else(|| &mut self.phones[place])
    }

    /// All devices, the administrator's too.
    pub(crate) fn everybody(&mut self) -> impl Iterator<Item = &mut Phone> {
        self.phones.iter_mut().chain(&mut self.office)
    }

    /// The devices of the cast that no list has put out.
    pub(crate) fn in_force(&self) -> impl Iterator<Item = &Phone> {
        self.phones.iter().filter(|phone| !self.standing.out.contains(&phone.name))
    }

    /// The administrator does this to a device.
    fn acts(&mut self, place: usize, act: Act) {
        let (name, device) = (self.phones[place].name.clone(), self.phones[place].device.clone());
        self.office.as_mut().expect("an administrator").act(&name, &device, act);
    }

    /// From now on this person may be out.
    fn goes(&self, user: &'static str) {
        let mut notes = self.ground.notes();
        if user != OUTSIDER && !notes.gone.contains(&user) {
            notes.gone.push(user);
        }
    }
}
