//! What happens in a schedule, and which seed gives what.

use wardline_tests::in_process::Fault;

/// A device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The creator's, who is the keeper.
    A,
    /// The other's.
    B,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A message.
    Send(Side),
    /// Another name for the conversation.
    Rename(Side),
    /// A third person's device comes in.
    LetIn(Side),
    /// It goes out; only the keeper may.
    PutOut,
    /// The connection ends.
    DropConnection(Side),
    /// The device dies and comes back from its vault.
    CrashDevice(Side),
    /// The relay dies and comes back from its database.
    CrashRelay,
    /// All clocks leap so many seconds.
    Advance(u64),
    /// Something goes wrong between a device and the relay.
    Fault(Side, Fault),
    /// So many milliseconds pass.
    Pause(u64),
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

    fn side(&mut self) -> Side {
        if self.below(2) == 0 { Side::A } else { Side::B }
    }
}

/// The operations of a seed.
pub(crate) fn generate(seed: u64) -> Vec<Operation> {
    let mut random = Random(seed);
    let length = 16 + random.below(12);
    let mut operations = Vec::new();
    for _ in 0..length {
        operations.push(one(&mut random));
        // Most follow at once, while what was before is still under way.
        if random.below(3) == 0 {
            operations.push(Operation::Pause(1 + random.below(1_500)));
        }
    }
    operations
}

fn one(random: &mut Random) -> Operation {
    let side = random.side();
    match random.below(100) {
        0..42 => Operation::Send(side),
        42..50 => Operation::Rename(side),
        50..55 => Operation::LetIn(side),
        55..60 => Operation::PutOut,
        60..67 => Operation::DropConnection(side),
        67..74 => Operation::CrashDevice(side),
        74..79 => Operation::CrashRelay,
        79..82 => Operation::Advance(1 + random.below(3_600)),
        _ => Operation::Fault(side, fault(random)),
    }
}

fn fault(random: &mut Random) -> Fault {
    match random.below(5) {
        0 => Fault::LoseRequest,
        1 => Fault::LoseAnswer,
        2 => Fault::Duplicate,
        3 => Fault::Delay(1 + random.below(4_000)),
        _ => Fault::CutStream(u32::try_from(random.below(4)).unwrap_or(0)),
    }
}

/// A schedule in which nothing goes wrong by itself.
pub(crate) fn calm() -> Vec<Operation> {
    let sends = [Side::A, Side::B, Side::A, Side::B, Side::B, Side::A].map(Operation::Send);
    sends.into_iter().flat_map(|send| [send, Operation::Pause(300)]).collect()
}
