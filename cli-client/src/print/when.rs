//! Instants as people read them: the local time with its offset, and the day where it is not today (design 4.7).
//!
//! Scripts get RFC 3339 UTC (`--json`); nothing here touches that.

use std::sync::OnceLock;

use time::{
    Date, OffsetDateTime, UtcOffset, format_description::BorrowedFormatItem,
    format_description::well_known::Rfc3339, macros::format_description,
};

const TODAY: &[BorrowedFormatItem<'_>] =
    format_description!("[hour]:[minute]:[second] [offset_hour sign:mandatory]:[offset_minute]");
const ANOTHER_DAY: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short] [day] [month repr:short] [year], [hour]:[minute] [offset_hour sign:mandatory]:[offset_minute]"
);

/// This machine's offset; looked up once, because it can only be while there is one thread.
static OFFSET: OnceLock<UtcOffset> = OnceLock::new();

/// Looks the machine's offset up. To be called before any other thread is started.
pub(crate) fn learn_offset() {
    let _ = OFFSET.set(UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC));
}

/// An answer's instant (RFC 3339 UTC), as it is shown.
pub(crate) fn when(instant: &str) -> String {
    let offset = OFFSET.get().copied().unwrap_or(UtcOffset::UTC);
    shown(instant, OffsetDateTime::now_utc(), offset)
}

/// The beginning of a day here, in milliseconds since 1970 UTC.
pub(crate) fn midnight_ms(day: Date) -> u64 {
    let offset = OFFSET.get().copied().unwrap_or(UtcOffset::UTC);
    let seconds = day.midnight().assume_offset(offset).unix_timestamp();
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000)
}

/// What does not read as an instant is shown as it is.
fn shown(instant: &str, now: OffsetDateTime, offset: UtcOffset) -> String {
    let Ok(instant_utc) = OffsetDateTime::parse(instant, &Rfc3339) else { return instant.to_owned() };
    let (local, now) = (instant_utc.to_offset(offset), now.to_offset(offset));
    let format = if local.date() == now.date() { TODAY } else { ANOTHER_DAY };
    local.format(format).unwrap_or_else(|_| instant.to_owned())
}

#[cfg(test)]
mod tests {
    use time::macros::{datetime, offset};

    use super::*;

    #[test]
    fn the_day_is_named_when_it_is_not_today_by_the_local_clock() {
        let now = datetime!(2026-11-21 23:30:00 UTC);
        assert_eq!(shown("2026-11-21T22:10:05Z", now, offset!(+0)), "22:10:05 +00:00");
        assert_eq!(shown("2026-11-21T22:10:05Z", now, offset!(+1)), "Sat 21 Nov 2026, 23:10 +01:00");
        assert_eq!(shown("2026-11-21T23:10:05Z", now, offset!(+1)), "00:10:05 +01:00");
        assert_eq!(shown("2026-11-21T23:10:05Z", now, offset!(-4:30)), "18:40:05 -04:30");
        assert_eq!(shown("soon", now, offset!(+0)), "soon");
    }
}
