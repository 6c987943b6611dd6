//! Instants as people and scripts read them.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use wardline_proto::UtcMillis;

/// RFC 3339 UTC with milliseconds cut to seconds: "2026-11-21T19:00:42Z".
#[must_use]
pub fn rfc3339(instant: UtcMillis) -> String {
    let seconds = i64::try_from(instant.seconds()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| "9999-12-31T23:59:59Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_as_rfc_3339() {
        assert_eq!(rfc3339(UtcMillis::new(1_795_287_642_999)), "2026-11-21T19:00:42Z");
    }
}
