//! Guards taken away one by one: within a bounded number of seeds each costs somebody a message, and the judge says so.

use crate::{
    operation::{Aim, Plan, aimed as aimed_plan, generate},
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
    /// What the seeds' plans are full of; nothing: any seed's, but for restored relays and worthless commits.
    pub(crate) aim: Option<Aim>,
}

const fn mutant(guard: &'static str) -> Mutant {
    Mutant { guard, within: 60, aim: None }
}

const fn aimed(guard: &'static str, aim: Aim) -> Mutant {
    Mutant { aim: Some(aim), ..mutant(guard) }
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
    aimed("mutant.cursor_first", Aim::Deaths),
    // A row stays until its entry came back.
    mutant("mutant.drop_outbox_row"),
    // Nobody merges before the log has named the winner.
    mutant("mutant.merge_early"),
    // A commit under way is never cleared at start-up.
    aimed("mutant.forget_pending", Aim::Commits),
    // The log's place is looked at before a message is encrypted.
    aimed("mutant.late_cursor", Aim::Sends),
    // A commit that cannot be followed moves no cursor, and is news all the same.
    aimed("mutant.behind_for_ever", Aim::Worthless),
    // Words about several commits close a log together.
    aimed("mutant.split_counts_apart", Aim::Split),
    // A log that is not the one that was shown is not followed.
    aimed("mutant.rewound", Aim::Restore),
    // Nothing is taken in a conversation before those are out who must not be in.
    aimed("relay.no_fence", Aim::Revocations),
];

/// A second guard stands behind each: no scene has missed one yet. Tests of their own do (`send.rs` and `commit_tests.rs` of
/// the relay's domain, the client's `sealed.rs`); `WARDLINE_RARE=1` hunts them here.
pub(crate) const RARE: &[Mutant] = &[
    // A message whose id is known gets the answer it had; the database and the sender's own entry stand behind.
    rare("mutant.skip_known"),
    // One commit an epoch; the database stands behind.
    rare("mutant.skip_commit_epoch"),
    // In one epoch the same bytes are sent again; a device reads its log to the end before it sends again.
    rare("mutant.seal_anew"),
];

/// The first seed that finds it, and what it found.
pub(crate) fn hunt(templates: &[Template], mutant: Mutant) -> Option<(u64, String)> {
    let plan = |seed: u64| match mutant.aim {
        Some(aim) => Some((seed, aimed_plan(seed, aim))),
        None => Some((seed, generate(seed))).filter(|(_, plan)| !plan.restored && !plan.worthless),
    };
    let mut plans = (0..).filter_map(plan);
    let found = (0..mutant.within).find_map(|_| {
        let (seed, plan) = plans.next()?;
        let verdict = scene::run(templates, seed, &plan, Spoilt::Without(mutant.guard));
        verdict.faults.into_iter().next().map(|fault| (seed, fault))
    });
    println!("{}: {found:?}", mutant.guard);
    found
}

/// The plans that [`hunt`] looks through for what is aimed at, with every guard in its place.
pub(crate) fn aimed_plans() -> Vec<(u64, Plan)> {
    let aims = [Aim::Commits, Aim::Sends, Aim::Deaths, Aim::Restore, Aim::Worthless, Aim::Split];
    let plans = |aim| (0..12).map(move |seed| (seed, aimed_plan(seed, aim)));
    aims.into_iter().flat_map(plans).collect()
}
