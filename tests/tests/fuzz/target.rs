//! One fuzz target: its samples, its bounds, its property; and running it.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    sync::{
        Once,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{mutate::Mutations, tree::Format};

/// What a target is given.
#[derive(Clone)]
pub(crate) struct Input {
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// Whether a right key signed them again after they were changed.
    pub(crate) signed_anew: bool,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hex: String = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        write!(f, "Input {{ signed_anew: {}, {} bytes: {hex} }}", self.signed_anew, self.bytes.len())
    }
}

/// A fuzz target.
pub(crate) struct Target {
    /// Its name, and that of its folder of samples.
    pub(crate) name: &'static str,
    /// How its samples are built.
    pub(crate) format: Format,
    /// Signs changed bytes anew, or mends their checksum; `false` if there is nothing to sign in them.
    pub(crate) sign: Option<fn(&mut Vec<u8>, u64) -> bool>,
    /// How many inputs a run tries that was not asked for more.
    pub(crate) inputs: usize,
    /// How many any run tries, where each one takes long.
    pub(crate) at_most: usize,
    /// The most memory held at once while one input is looked at: so many bytes, and so many for each of its own.
    pub(crate) memory: (usize, usize),
    /// Looks at an input; whether it was accepted. Panics where a property does not hold.
    pub(crate) check: fn(&Input) -> bool,
}

/// Where the samples of a target are.
pub(crate) fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora").join(name)
}

/// The samples of a target, in the order of their names.
pub(crate) fn samples(name: &str) -> Vec<Vec<u8>> {
    let folder = corpus(name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a sample")).collect()
}

/// One sample.
pub(crate) fn samples_named(name: &str, sample: &str) -> Vec<u8> {
    fs::read(corpus(name).join(sample)).expect("a sample")
}

/// How many inputs are asked for.
pub(crate) fn asked() -> Option<usize> {
    std::env::var("WARDLINE_FUZZ_INPUTS").ok().map(|inputs| inputs.parse().expect("a number"))
}

/// Runs a target over the samples in its folder.
pub(crate) fn fuzz(target: &Target) {
    fuzz_from(target, samples(target.name));
}

/// Runs a target: each sample as it is, all of which are accepted, then changed ones.
pub(crate) fn fuzz_from(target: &Target, samples: Vec<Vec<u8>>) {
    arm();
    assert!(!samples.is_empty(), "no samples of {}", target.name);
    for (place, sample) in samples.iter().enumerate() {
        let input = Input { bytes: sample.clone(), signed_anew: false };
        assert!(look(target, &input), "sample {place} of {} is refused: make them anew", target.name);
    }
    fuzz_answers(target, samples);
}

/// Runs a target whose samples may be refused where they come a second time.
pub(crate) fn fuzz_answers(target: &Target, samples: Vec<Vec<u8>>) {
    arm();
    let inputs = asked().unwrap_or(target.inputs).min(target.at_most);
    let (tried, accepted, begun) = (AtomicU64::new(0), AtomicU64::new(0), Instant::now());
    let mutations = Mutations::new(target.format, samples, target.sign);
    bolero::check!(name = target.name)
        .with_generator(mutations)
        .with_iterations(inputs)
        .with_shrink_time(Duration::from_secs(2))
        .for_each(|input: &Input| {
            tried.fetch_add(1, Ordering::Relaxed);
            accepted.fetch_add(u64::from(look(target, input)), Ordering::Relaxed);
        });
    println!(
        "fuzz={} inputs={} seconds={:.1} accepted={} panics=0",
        target.name,
        tried.into_inner(),
        begun.elapsed().as_secs_f64(),
        accepted.into_inner()
    );
}

/// Arms the faults that the environment names, once.
fn arm() {
    static ARMED: Once = Once::new();
    ARMED.call_once(wardline_proto::fault::arm);
}

/// Looks at one input, within the target's bound of memory.
fn look(target: &Target, input: &Input) -> bool {
    let mut outcome = None;
    // Caught inside and thrown again outside: the counter must see the end of what it counts.
    let held = allocation_counter::measure(|| {
        outcome = Some(catch_unwind(AssertUnwindSafe(|| (target.check)(input))));
    });
    let accepted = match outcome {
        Some(Ok(accepted)) => accepted,
        Some(Err(panic)) => resume_unwind(panic),
        None => unreachable!("it was run"),
    };
    let (base, each) = target.memory;
    let most = (base + each * input.bytes.len()) as u64;
    assert!(
        held.bytes_max <= most,
        "{}: {} bytes of memory for {} bytes of input, more than {most}",
        target.name,
        held.bytes_max,
        input.bytes.len()
    );
    accepted
}
