//! Spans of time as people write and read them: 90m, 24h, 7d.

/// The span in its largest whole unit, such as "7 days".
#[must_use]
pub fn span(seconds: u32) -> String {
    let (count, unit) = in_units(seconds);
    let unit = match unit {
        "d" => "day",
        "h" => "hour",
        "m" => "minute",
        _ => "second",
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// The span as it is written in commands and files, such as "7d".
#[must_use]
pub fn short_span(seconds: u32) -> String {
    let (count, unit) = in_units(seconds);
    format!("{count}{unit}")
}

/// Reads a span such as 90s, 90m, 24h or 7d; in seconds.
///
/// # Errors
/// What a span looks like.
pub fn read_span(text: &str) -> Result<u64, String> {
    let wrong = || format!("“{text}” is not a span such as 90m, 24h or 7d");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(wrong()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    count.checked_mul(unit).ok_or_else(wrong)
}

fn in_units(seconds: u32) -> (u32, &'static str) {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let whole = units.iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    whole.map_or((seconds, "s"), |(unit, name)| (seconds / unit, *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_they_are_written() {
        for (seconds, long, short) in [
            (604_800, "7 days", "7d"),
            (86_400, "1 day", "1d"),
            (90_000, "25 hours", "25h"),
            (300, "5 minutes", "5m"),
            (61, "61 seconds", "61s"),
            (0, "0 seconds", "0s"),
        ] {
            assert_eq!((span(seconds).as_str(), short_span(seconds).as_str()), (long, short));
            assert_eq!(read_span(short), Ok(u64::from(seconds)));
        }
        for wrong in ["7", "", "xd", "d", "-1d", "1.5h", "7 d", "99999999999999999999d"] {
            assert!(read_span(wrong).is_err(), "{wrong}");
        }
    }
}
