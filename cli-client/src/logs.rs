//! Logs on stderr, off unless asked for. Other crates' targets are capped at INFO whatever is asked: below that they
//! may print what they carry.

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::FilterFn, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// Starts logging at a level or filter, if one is given.
pub(crate) fn start(filter: Option<&str>) {
    let Some(filter) = filter else { return };
    let Ok(filter) = EnvFilter::try_new(filter) else {
        eprintln!("“{filter}” is not a log level; logging is off.");
        return;
    };
    let layer =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(FilterFn::new(capped));
    // Fails only if a logger runs already: then that one is right.
    let _ = tracing_subscriber::registry().with(filter).with(layer).try_init();
}

/// Whether a record may be written: ours at any level, others' at INFO and above.
fn capped(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("wardline") || *metadata.level() <= Level::INFO
}
