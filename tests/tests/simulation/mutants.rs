//! Guards taken away one by one: within a bounded number of seeds each costs somebody a message, and the judge says so.

use crate::{
    operation::generate,
    scene::{self, Spoilt},
    template::Template,
};

/// A guard, by the fault point that takes it away, and within how many seeds that is found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mutant {
    /// The fault point.
    pub(crate) guard: &'static str,
    /// How many seeds at most.
    pub(crate) within: u64,
    /// Whether only scenes with a restored relay can tell.
    pub(crate) by_restores: bool,
}

const fn mutant(guard: &'static str) -> Mutant {
    Mutant { guard, within: 60, by_restores: false }
}

const fn rare(guard: &'static str) -> Mutant {
    Mutant { within: 2_000, ..mutant(guard) }
}

/// Of the relay first, then of the client.
pub(crate) const MUTANTS: &[Mutant] = &[
    // A message is of the conversation's epoch.
    mutant("mutant.skip_send_epoch"),
    // Who waits is woken.
    mutant("mutant.deaf"),
    // Entries are taken in one after the other.
    mutant("mutant.skip_gap"),
    // A cursor moves with what it stands for.
    mutant("mutant.cursor_first"),
    // A row stays until its entry came back.
    mutant("mutant.drop_outbox_row"),
    // Nobody merges before the log has named the winner.
    mutant("mutant.merge_early"),
    // A commit under way is never cleared at start-up.
    mutant("mutant.forget_pending"),
    // A log that is not the one that was shown is not followed.
    Mutant { by_restores: true, ..mutant("mutant.rewound") },
];

/// Found in a long hunt or never, because a second guard stands behind: `WARDLINE_RARE=1` hunts them.
pub(crate) const RARE: &[Mutant] = &[
    // A message whose id is known gets the answer it had; the database and the sender's own entry stand behind.
    rare("mutant.skip_known"),
    // One commit an epoch; the database stands behind.
    rare("mutant.skip_commit_epoch"),
    // In one epoch the same bytes are sent again.
    rare("mutant.seal_anew"),
    // The log's place is looked at before a message is encrypted.
    rare("mutant.late_cursor"),
];

/// The first seed that finds it, and what it found.
pub(crate) fn hunt(templates: &[Template], mutant: Mutant) -> Option<(u64, String)> {
    let fits = |seed: &u64| {
        let plan = generate(*seed);
        plan.restored == mutant.by_restores && !plan.worthless
    };
    let mut seeds = (0..).filter(fits);
    let found = (0..mutant.within).find_map(|_| {
        let seed = seeds.next()?;
        let verdict = scene::run(templates, seed, &generate(seed), Spoilt::Without(mutant.guard));
        verdict.faults.into_iter().next().map(|fault| (seed, fault))
    });
    println!("{}: {found:?}", mutant.guard);
    found
}
