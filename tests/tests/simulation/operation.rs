//! What happens in a scene, and which seed gives what.

use wardline_tests::in_process::Fault;

use crate::template::{CASTS, Cast, OUTSIDER};

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
    /// So many milliseconds pass.
    Pause(u64),
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
    /// Whether a device may rightly say that the relay is at fault: its clock went another way than the others', or it
    /// heard something twice or out of order.
    pub(crate) fn gives_cause(&self) -> bool {
        self.operations.iter().any(|operation| {
            matches!(
                operation,
                Operation::LeapDevice(..)
                    | Operation::LeapRelay(_)
                    | Operation::Fault(_, Fault::RepeatEvent | Fault::SwapEvents)
            )
        })
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn place(&mut self, bound: usize) -> usize {
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

fn fault(random: &mut Random) -> Fault {
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

/// A plan in which nothing goes wrong by itself.
pub(crate) fn calm() -> Plan {
    let sends = [0, 1, 0, 1, 1, 0].map(Operation::Send);
    let operations = sends.into_iter().flat_map(|send| [send, Operation::Pause(300)]).collect();
    Plan { cast: 0, restless: false, restored: false, worthless: false, operations }
}
