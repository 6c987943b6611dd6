//! Plans in which an administrator revokes, holds and reinstates devices, while everything else goes on and goes wrong.

use wardline_tests::in_process::Fault;

use crate::{
    operation::{Act, Operation, Plan, Random, fault},
    template::{CASTS, OUTSIDER},
};

/// The plan of a seed.
pub(crate) fn revoking(seed: u64) -> Plan {
    let mut random = Random::begin(seed ^ 0x0e70_4ed0);
    // The costly suite is the last cast's.
    let cast = match random.below(16) {
        0 => CASTS.len() - 1,
        _ => random.place(CASTS.len() - 1),
    };
    let devices = CASTS[cast].devices.len();
    let length = 10 + random.below(10);
    let mut at: Vec<u64> = (0..1 + random.below(3)).map(|_| random.below(length)).collect();
    at.sort_unstable();
    let mut operations = Vec::new();
    for step in 0..length {
        for _ in at.iter().filter(|at| **at == step) {
            act(&mut random, devices, &mut operations);
        }
        operations.push(one(&mut random, devices));
        if random.below(3) == 0 {
            operations.push(Operation::Pause(1 + random.below(1_500)));
        }
    }
    // Drawn apart, so that no other plan is another for it.
    let mut apart = Random::begin(seed ^ 0x0009_011c);
    if apart.below(4) == 0 {
        operations.insert(apart.place(operations.len()), Operation::Policy);
    }
    Plan { cast, restless: false, restored: false, worthless: false, operations }
}

/// Something is done to a device that is not the keeper's, perhaps before the others hear of it, or while the administrator, the relay or whoever puts it out dies.
fn act(random: &mut Random, devices: usize, operations: &mut Vec<Operation>) {
    let (office, device) = (devices, 1 + random.place(devices - 1));
    if random.below(3) == 0 {
        operations.push(Operation::Fault(random.place(devices + 1), fault(random)));
    }
    // Messages and changes are on their way.
    if random.below(2) == 0 {
        operations.push(Operation::Send(random.place(devices)));
    }
    let unheard = random.below(3) == 0;
    if unheard {
        operations.push(Operation::Pause(1_000));
        operations.extend((0..devices).map(|other| Operation::Fault(other, Fault::DelayEvent(4_000))));
    }
    let act = match random.below(8) {
        0..4 => Act::Revoke,
        4..7 => Act::Hold,
        _ => Act::Reinstate,
    };
    operations.push(Operation::Act(device, act));
    // Found again: soon, or when it is out.
    if act == Act::Hold && random.below(2) == 0 {
        operations.extend([Operation::Pause(random.below(6_000)), Operation::Act(device, Act::Reinstate)]);
    }
    // Who has not heard of it speaks on.
    if unheard {
        operations.push(Operation::Pause(200 + random.below(800)));
        operations.extend((0..devices).filter(|other| *other != device).map(Operation::Send));
        return operations.push(Operation::Pause(random.below(4_000)));
    }
    match random.below(8) {
        0 => operations.extend([Operation::Pause(1 + random.below(300)), Operation::CrashDevice(office)]),
        1 => operations.extend([Operation::Pause(1 + random.below(300)), Operation::CrashRelay]),
        2 => {
            let dies = random.place(devices);
            operations.extend([Operation::Pause(1 + random.below(2_000)), Operation::CrashDevice(dies)]);
        }
        3 => operations.extend([Operation::Turns(1 + random.below(800)), Operation::CrashDevice(office)]),
        4 => operations.extend([Operation::Turns(1 + random.below(800)), Operation::CrashRelay]),
        5 => operations.extend([Operation::Pause(random.below(400)), Operation::Send(random.place(devices))]),
        _ => {}
    }
}

fn one(random: &mut Random, devices: usize) -> Operation {
    let device = random.place(devices);
    match random.below(100) {
        0..46 => Operation::Send(device),
        46..52 => Operation::Rename(device),
        52..57 => Operation::Add(device, OUTSIDER),
        57..60 => Operation::Remove(OUTSIDER),
        60..65 => Operation::DropConnection(random.place(devices + 1)),
        65..72 => Operation::CrashDevice(random.place(devices + 1)),
        72..77 => Operation::CrashRelay,
        77..80 => Operation::LeapAll(1 + random.below(3_600).cast_signed()),
        80 => Operation::LeapDevice(device, random.below(7_200).cast_signed() - 3_600),
        81 => Operation::LeapRelay(random.below(7_200).cast_signed() - 3_600),
        _ => Operation::Fault(random.place(devices + 1), fault(random)),
    }
}
