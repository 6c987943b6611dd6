//! Log lines on standard error: readable text, or one JSON object a line.
//!
//! The filter has two halves, and a line must pass both: what the operator asked for, and a cap that no one
//! can lift: targets outside Wardline's crates never go below INFO. At DEBUG and TRACE the TLS, HTTP and SQL
//! libraries print requests, rows and keys' shapes.

use std::io;

use serde::{Deserialize, Serialize};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// The log could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter is not one.
    #[error("\"{filter}\" is not a log filter")]
    Filter {
        /// What was asked for.
        filter: String,
        /// Where it stops making sense.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// This process logs already.
    #[error("this process logs already")]
    Started,
}

/// Starts the log of this process, on standard error.
///
/// `filter` is a level ("info") or tracing-subscriber's `target=level` list ("info,wardline_server::store=trace").
///
/// # Errors
/// [`LogError`].
pub fn init_log(filter: &str, format: LogFormat) -> Result<(), LogError> {
    // `try_init` also turns the lines of libraries that use the `log` crate into ours.
    subscriber(filter, format, io::stderr)?.try_init().map_err(|_| LogError::Started)
}

/// The subscriber behind [`init_log`], writing wherever a test wants.
///
/// # Errors
/// [`LogError::Filter`].
fn subscriber<W>(
    filter: &str,
    format: LogFormat,
    writer: W,
) -> Result<impl Subscriber + Send + Sync, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let asked = EnvFilter::try_new(filter)
        .map_err(|source| LogError::Filter { filter: filter.to_owned(), source })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    Ok(tracing_subscriber::registry().with(lines.with_filter(asked.and(filter_fn(below_the_cap)))))
}

/// Ours may say what was asked for; everybody else INFO and graver. (In `tracing`, graver is less.)
fn below_the_cap(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with(OURS) || *metadata.level() <= Level::INFO
}

/// What all targets of our crates begin with.
const OURS: &str = "wardline";

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Page {
        fn written_by(filter: &str, format: LogFormat, lines: impl FnOnce()) -> String {
            let page = Self::default();
            let writer = page.clone();
            let subscriber = subscriber(filter, format, move || writer.clone()).unwrap();
            tracing::subscriber::with_default(subscriber, lines);
            String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn everybody_speaks() {
        tracing::trace!(target: "wardline_server::store", "ours at trace");
        for_each_foreign("h3");
        for_each_foreign("quinn");
    }

    fn for_each_foreign(who: &str) {
        match who {
            "h3" => {
                tracing::trace!(target: "h3::frame", "h3 at trace");
                tracing::debug!(target: "h3::frame", "h3 at debug");
                tracing::info!(target: "h3::frame", "h3 at info");
            }
            _ => {
                tracing::trace!(target: "quinn::connection", "quinn at trace");
                tracing::debug!(target: "quinn::connection", "quinn at debug");
                tracing::info!(target: "quinn::connection", "quinn at info");
            }
        }
    }

    #[test]
    fn foreign_targets_stop_at_info_however_loud_the_filter() {
        for filter in
            ["trace", "trace,h3=trace,quinn=trace", "info,wardline_server=trace,h3=debug,quinn=trace"]
        {
            let text = Page::written_by(filter, LogFormat::Text, everybody_speaks);
            for said in ["ours at trace", "h3 at info", "quinn at info"] {
                assert!(text.contains(said), "{filter}: {said} is missing in {text}");
            }
            for unsaid in ["h3 at debug", "h3 at trace", "quinn at debug", "quinn at trace"] {
                assert!(!text.contains(unsaid), "{filter}: {unsaid} came through");
            }
        }
    }

    #[test]
    fn the_filter_still_quiets_everybody() {
        let text = Page::written_by("warn", LogFormat::Text, everybody_speaks);
        assert_eq!(text, "");
    }

    #[test]
    fn json_lines_are_objects() {
        let text = Page::written_by("info", LogFormat::Json, || tracing::info!(devices.count = 3, "loaded"));
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!((line["message"].as_str(), line["devices.count"].as_u64()), (Some("loaded"), Some(3)));
    }

    #[test]
    fn a_filter_that_is_none_is_named() {
        let refused = subscriber("info,=,=", LogFormat::Text, io::sink).err().unwrap();
        assert!(matches!(refused, LogError::Filter { filter, .. } if filter == "info,=,="));
    }
}
