//! What happens in a scene, and which seed gives what.

use std::collections::BTreeSet;

use wardline_tests::in_process::Fault;

use crate::{
    revoking::revoking,
    template::{CASTS, Cast, OUTSIDER},
};

/// One thing that happens. A device is its place in the cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A message.
    Send(usize),
    /// Another name for the conversation.
    Rename(usize),
    /// A person comes in.
    Add(usize, &'static str),
    /// A person is put out by the first device, whose person is the keeper.
    Remove(&'static str),
    /// A person leaves.
    Leave(usize),
    /// The connection ends.
    DropConnection(usize),
    /// The device dies and comes back from its vault.
    CrashDevice(usize),
    /// The relay dies and comes back from its database.
    CrashRelay,
    /// A copy of the relay's database is laid aside.
    KeepCopy,
    /// The relay loses its disk and comes back from the copy.
    Restore,
    /// All clocks leap so many seconds.
    LeapAll(i64),
    /// One device's clock leaps.
    LeapDevice(usize, i64),
    /// The relay's clock leaps.
    LeapRelay(i64),
    /// Something goes wrong between a device and the relay.
    Fault(usize, Fault),
    /// The next commit is well-formed and worthless: nobody can open it.
    Worthless,
    /// Half of the others cannot follow the next commit.
    Garbage,
    /// The administrator does this to a device.
    Act(usize, Act),
    /// The administrator signs a policy by which messages live for a week at most.
    Policy,
    /// The others have so many turns, in the middle of what they do: no time passes.
    Turns(u64),
    /// So many milliseconds pass.
    Pause(u64),
}

/// What an administrator does to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// It is revoked.
    Revoke,
    /// It is put on hold.
    Hold,
    /// Its hold ends.
    Reinstate,
}

/// What a seed gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Which cast, by its place.
    pub(crate) cast: usize,
    /// Whether members come and go; otherwise only the outsider does.
    pub(crate) restless: bool,
    /// Whether the relay comes back from an older copy.
    pub(crate) restored: bool,
    /// Whether a member's commit is worthless.
    pub(crate) worthless: bool,
    /// What happens.
    pub(crate) operations: Vec<Operation>,
}

impl Plan {
    /// Whether something happens in the middle of what others do.
    pub(crate) fn counts_turns(&self) -> bool {
        self.operations.iter().any(|operation| matches!(operation, Operation::Turns(_)))
    }

    /// Whether an administrator takes part.
    pub(crate) fn revokes(&self) -> bool {
        self.operations.iter().any(|operation| matches!(operation, Operation::Act(..)))
    }

    /// What the device at `place` may rightly say of the relay: its own clock or the relay's went another way than the others', or
    /// it heard something twice or out of order, or so late that all clocks had leapt meanwhile.
    pub(crate) fn causes(&self, place: usize) -> BTreeSet<&'static str> {
        let late = |operation: &Operation| match operation {
            Operation::Fault(device, Fault::DelayEvent(_) | Fault::DelayAnswer(_)) => *device == place,
            _ => false,
        };
        let hears_late = self.operations.iter().any(late);
        let causes = |operation: &Operation| -> &[&'static str] {
            match operation {
                Operation::LeapDevice(device, _) if *device == place => &["wrong_time", "misdated"],
                Operation::LeapRelay(_) => &["wrong_time", "time_back", "misdated"],
                Operation::LeapAll(_) if hears_late => &["wrong_time"],
                Operation::Fault(device, Fault::RepeatEvent) if *device == place => &["repeated"],
                Operation::Fault(device, Fault::SwapEvents) if *device == place => {
                    &["left_out", "no_welcome", "false_removal"]
                }
                _ => &[],
            }
        };
        self.operations.iter().flat_map(causes).copied().collect()
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) struct Random(u64);

impl Random {
    /// A stream of its own for each seed.
    pub(crate) fn begin(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn place(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap_or(0)
    }
}

/// The plan of a seed.
pub(crate) fn generate(seed: u64) -> Plan {
    let mut random = Random(seed);
    // The costly suite is the last cast's.
    let cast = match random.below(16) {
        0 => CASTS.len() - 1,
        _ => random.place(CASTS.len() - 1),
    };
    let restored = random.below(12) == 0;
    let worthless = !restored && random.below(16) == 0;
    let restless = !restored && !worthless && random.below(3) == 0;
    let length = 12 + random.below(14);
    let mut operations = Vec::new();
    for step in 0..length {
        if restored && step == length / 3 {
            operations.extend([Operation::Pause(random.below(3_000)), Operation::KeepCopy]);
        }
        if restored && step == length * 2 / 3 {
            operations.extend([Operation::Pause(random.below(3_000)), Operation::Restore]);
        }
        if worthless && step == length / 2 {
            operations.push(Operation::Worthless);
        }
        operations.push(one(&mut random, &CASTS[cast], restless));
        // Most follow at once, while what was before is still under way.
        if random.below(3) == 0 {
            operations.push(Operation::Pause(1 + random.below(1_500)));
        }
    }
    Plan { cast, restless, restored, worthless, operations }
}

fn one(random: &mut Random, cast: &Cast, restless: bool) -> Operation {
    let device = random.place(cast.devices.len());
    // Nobody but the first person is sure to stay.
    let guests: Vec<usize> =
        (0..cast.devices.len()).filter(|device| cast.devices[*device] != cast.devices[0]).collect();
    let guest = guests[random.place(guests.len())];
    match random.below(100) {
        0..38 => Operation::Send(device),
        38..45 => Operation::Rename(device),
        45..50 => Operation::Add(device, OUTSIDER),
        50..54 => Operation::Remove(OUTSIDER),
        54..57 if restless => Operation::Remove(cast.devices[guest]),
        57..59 if restless => Operation::Leave(guest),
        59..65 if restless => Operation::Add(device, cast.devices[guest]),
        54..65 => Operation::Send(device),
        65..70 => Operation::DropConnection(device),
        70..76 => Operation::CrashDevice(device),
        76..80 => Operation::CrashRelay,
        80..82 => Operation::LeapAll(1 + random.below(3_600).cast_signed()),
        82 => Operation::LeapDevice(device, random.below(7_200).cast_signed() - 3_600),
        83 => Operation::LeapRelay(random.below(7_200).cast_signed() - 3_600),
        _ => Operation::Fault(device, fault(random)),
    }
}

pub(crate) fn fault(random: &mut Random) -> Fault {
    match random.below(12) {
        0 => Fault::LoseRequest,
        1 | 2 => Fault::LoseAnswer,
        3 | 4 => Fault::Duplicate,
        5 => Fault::Delay(1 + random.below(4_000)),
        6 => Fault::DelayAnswer(1 + random.below(4_000)),
        7 => Fault::DelayEvent(1 + random.below(4_000)),
        8 => Fault::RepeatEvent,
        9 => Fault::SwapEvents,
        _ => Fault::CutStream(u32::try_from(random.below(4)).unwrap_or(0)),
    }
}

/// What a plan is full of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Changes whose answers come late or not at all, by devices that die or are overtaken.
    Commits,
    /// Messages that are overtaken by changes on their way.
    Sends,
    /// Devices that die while they take something in.
    Deaths,
    /// A relay that comes back from a copy, and devices that have what it lost.
    Restore,
    /// A commit that nobody can open, while messages are on their way.
    Worthless,
    /// A commit that half of the others cannot follow, and at once one that nobody can open.
    Split,
    /// Devices that an administrator revokes, holds and reinstates.
    Revocations,
}

/// A plan of a seed that is full of one thing, for a guard that is rarely needed.
pub(crate) fn aimed(seed: u64, aim: Aim) -> Plan {
    if aim == Aim::Revocations {
        return revoking(seed);
    }
    let mut random = Random(seed ^ 0x5eed);
    let cast = random.place(CASTS.len() - 1);
    let devices = CASTS[cast].devices.len();
    let mut operations = Vec::new();
    match aim {
        Aim::Commits => (0..5).for_each(|_| overtaken_change(&mut random, devices, &mut operations)),
        Aim::Sends => (0..5).for_each(|_| overtaken_message(&mut random, devices, &mut operations)),
        Aim::Deaths => (0..16).for_each(|_| death(&mut random, devices, &mut operations)),
        Aim::Restore => second_history(&mut random, devices, &mut operations),
        Aim::Worthless => overtaken_by_worthless(&mut random, devices, &mut operations),
        Aim::Split => broken_for_each(&mut random, devices, &mut operations),
        Aim::Revocations => {}
    }
    let (restored, worthless) = (aim == Aim::Restore, matches!(aim, Aim::Worthless | Aim::Split));
    Plan { cast, restless: false, restored, worthless, operations }
}

fn overtaken_change(random: &mut Random, devices: usize, operations: &mut Vec<Operation>) {
    let (device, other) = (random.place(devices), random.place(devices));
    let millis = 1 + random.below(3_000);
    let fault = match random.below(4) {
        0 => Fault::LoseAnswer,
        1 => Fault::DelayAnswer(millis),
        2 => Fault::Delay(millis),
        _ => Fault::DelayEvent(millis),
    };
    let change = if random.below(2) == 0 { Operation::Rename(0) } else { Operation::Add(device, OUTSIDER) };
    operations.extend([Operation::Fault(device, fault), change]);
    if random.below(2) == 0 {
        operations.push(Operation::Remove(OUTSIDER));
    }
    operations.push(Operation::Pause(1 + random.below(400)));
    operations.push(match random.below(3) {
        0 => Operation::CrashRelay,
        1 => Operation::CrashDevice(0),
        _ => Operation::CrashDevice(device),
    });
    operations.extend([Operation::Send(other), Operation::Pause(random.below(4_000))]);
}

fn overtaken_message(random: &mut Random, devices: usize, operations: &mut Vec<Operation>) {
    let device = random.place(devices);
    let millis = 50 + random.below(1_000);
    let fault = if random.below(2) == 0 { Fault::Delay(millis) } else { Fault::DelayAnswer(millis) };
    operations.extend([
        Operation::Fault(device, fault),
        Operation::Send(device),
        Operation::Rename(0),
        Operation::Pause(1_500 + random.below(3_000)),
    ]);
}

/// Somebody's message is on its way when a commit that nobody can open ends its epoch.
fn overtaken_by_worthless(random: &mut Random, devices: usize, operations: &mut Vec<Operation>) {
    for _ in 0..random.below(4) {
        operations.extend([Operation::Send(random.place(devices)), Operation::Pause(random.below(600))]);
    }
    let (sender, other) = (random.place(devices), random.place(devices));
    operations.extend([
        Operation::Fault(sender, Fault::Delay(1 + random.below(400))),
        Operation::Send(sender),
        Operation::Worthless,
        Operation::Rename(0),
        Operation::Pause(random.below(1_000)),
        Operation::Send(other),
        match random.below(3) {
            0 => Operation::CrashDevice(sender),
            1 => Operation::DropConnection(other),
            _ => Operation::Send(sender),
        },
        Operation::Pause(random.below(4_000)),
    ]);
}

/// One device breaks the log for others by two commits.
fn broken_for_each(random: &mut Random, devices: usize, operations: &mut Vec<Operation>) {
    operations.extend([
        Operation::Send(random.place(devices)),
        Operation::Pause(random.below(600)),
        Operation::Garbage,
        Operation::Rename(0),
        Operation::Turns(1 + random.below(2_000)),
        Operation::Send(random.place(devices)),
        Operation::Worthless,
        Operation::Rename(0),
        Operation::Pause(random.below(300)),
        Operation::Send(random.place(devices)),
        Operation::Pause(random.below(4_000)),
    ]);
    // Who could not follow the change of the name cannot judge what goes on, and waits for somebody's word there.
    operations.extend((0..devices).map(Operation::Send));
}

fn death(random: &mut Random, devices: usize, operations: &mut Vec<Operation>) {
    let dies = random.place(devices);
    let other = (dies + 1 + random.place(devices - 1)) % devices;
    operations.extend([
        Operation::Send(other),
        Operation::Send(other),
        Operation::Turns(random.below(400)),
        if random.below(2) == 0 { Operation::CrashDevice(dies) } else { Operation::DropConnection(dies) },
        Operation::Pause(random.below(600)),
    ]);
}

/// A message that some have and the relay lost, and one of who has it not, under the same number; then all are well.
fn second_history(random: &mut Random, devices: usize, operations: &mut Vec<Operation>) {
    let late = random.place(devices);
    let early = (late + 1 + random.place(devices - 1)) % devices;
    operations.extend([
        Operation::Send(random.place(devices)),
        Operation::Pause(3_000),
        Operation::KeepCopy,
        Operation::Pause(3_000),
        // It does not hear of it.
        Operation::Fault(late, Fault::DelayEvent(60_000)),
        Operation::Send(early),
        Operation::Pause(1_000 + random.below(1_000)),
        Operation::Restore,
        Operation::Send(late),
        Operation::Pause(10_000),
    ]);
}

/// A plan in which nothing goes wrong by itself.
pub(crate) fn calm() -> Plan {
    let sends = [0, 1, 0, 1, 1, 0].map(Operation::Send);
    let operations = sends.into_iter().flat_map(|send| [send, Operation::Pause(300)]).collect();
    Plan { cast: 0, restless: false, restored: false, worthless: false, operations }
}

/// So many messages, and then nothing happens for so many hours.
pub(crate) fn quiet(hours: i64, messages: usize) -> Plan {
    let mut operations = vec![Operation::Send(0); messages];
    let hours = Operation::LeapAll(hours * 3_600);
    operations.extend([Operation::Pause(5_000), hours, Operation::Pause(120_000)]);
    Plan { cast: 0, restless: false, restored: false, worthless: false, operations }
}
