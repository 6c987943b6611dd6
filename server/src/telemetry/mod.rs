//! What the relay tells the people who run it: log lines, metrics, readiness.
//!
//! Nothing here names a person, a patient or a conversation. Libraries below us know more than they should
//! say, so whatever is asked for, their lines stop at INFO.

mod listener;
mod log;
mod metrics;

pub use listener::{MetricsError, MetricsListener, Readiness};
pub use log::{LogError, LogFormat, init_log};
pub use metrics::{METRICS, MetricKind, MetricName, Recorder};
