//! The relay's metrics: their names, units and meaning, and the recorder that collects them.
//!
//! The list here is the whole list. Every metric exists from the start, counters at 0, so that an alert on
//! "no increase" works before the first event. No label carries an id.

use std::sync::OnceLock;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// What a metric measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// A distribution, in seconds.
    Seconds,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct MetricName {
    /// As Prometheus sees it; ends in its unit.
    pub name: &'static str,
    /// What it measures.
    pub kind: MetricKind,
    /// One sentence.
    pub meaning: &'static str,
}

/// All metrics of the relay.
pub const METRICS: &[MetricName] = &[
    count("wardline_invitations_published_total", "Invitations that issuers opened."),
    count("wardline_enrolment_claims_total", "Enrolment claims that were stored."),
    count("wardline_certificates_issued_total", "Device certificates that issuers handed in."),
    count("wardline_enrolments_refused_total", "Enrolments that issuers turned down."),
    count(
        "wardline_entry_bodies_dropped_total",
        "Bodies of log entries that expired or that all devices had.",
    ),
    count("wardline_reports_out_of_step_total", "Devices that said they cannot follow a commit."),
    count("wardline_tasks_asked_total", "Times that a member was asked to do what a conversation is owed."),
    count("wardline_logs_closed_total", "Logs that were closed because their members cannot follow them."),
    gauge_of("wardline_connections", "Connections through both doors."),
    gauge_of("wardline_streams", "Devices that are subscribed."),
    gauge_of("wardline_devices_in_force", "Device certificates the relay admits."),
    gauge_of("wardline_enrolment_waits", "Calls that wait for an enrolment to change."),
];

const fn count(name: &'static str, meaning: &'static str) -> MetricName {
    MetricName { name, kind: MetricKind::Counter, meaning }
}

const fn gauge_of(name: &'static str, meaning: &'static str) -> MetricName {
    MetricName { name, kind: MetricKind::Gauge, meaning }
}

/// Collects what the process counts. There is one a process, however many relays run in it.
#[derive(Clone)]
pub struct Recorder {
    handle: PrometheusHandle,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// The recorder of this process, started at the first call. `None` if another part of the process has
    /// installed one of its own: then the figures are its.
    #[must_use]
    pub fn install() -> Option<Self> {
        static INSTALLED: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
        let handle = INSTALLED.get_or_init(|| {
            let recorder = PrometheusBuilder::new().set_buckets(SECONDS_BUCKETS).ok()?.build_recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).ok()?;
            describe();
            Some(handle)
        });
        handle.clone().map(|handle| Self { handle })
    }

    /// Sets a gauge of [`METRICS`] to a number that is read when somebody looks.
    pub fn set(&self, name: &'static str, value: usize) {
        // Far below 2^52: exact.
        #[expect(clippy::cast_precision_loss, reason = "a number of connections")]
        gauge!(name).set(value as f64);
    }

    /// All figures in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }
}

fn describe() {
    for metric in METRICS {
        match metric.kind {
            MetricKind::Counter => {
                describe_counter!(metric.name, Unit::Count, metric.meaning);
                counter!(metric.name).absolute(0);
            }
            MetricKind::Gauge => {
                describe_gauge!(metric.name, Unit::Count, metric.meaning);
                gauge!(metric.name).set(0.0);
            }
            MetricKind::Seconds => describe_histogram!(metric.name, Unit::Seconds, metric.meaning),
        }
    }
}

/// From a memory lookup to a call that waits 30 s.
const SECONDS_BUCKETS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_there_from_the_start() {
        let page = Recorder::install().unwrap().render();
        for metric in METRICS.iter().filter(|metric| metric.kind != MetricKind::Seconds) {
            assert!(page.contains(&format!("# HELP {} {}", metric.name, metric.meaning)), "{page}");
            assert!(page.lines().any(|line| line.starts_with(&format!("{} ", metric.name))), "{page}");
        }
    }

    #[test]
    fn names_carry_our_prefix_and_counters_their_suffix() {
        for metric in METRICS {
            assert!(metric.name.starts_with("wardline_"), "{}", metric.name);
            assert_eq!(
                metric.name.ends_with("_total"),
                metric.kind == MetricKind::Counter,
                "{}",
                metric.name
            );
        }
    }
}
