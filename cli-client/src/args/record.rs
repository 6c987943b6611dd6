//! `wardline admin log`, `wardline admin device record` and `wardline admin verify`: what was done, and proof of it.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use time::{Date, format_description::BorrowedFormatItem, macros::format_description};
use wardline_client_core::api::read_span;

/// How people write a day.
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// `wardline admin log`
#[derive(Debug, ClapArgs)]
pub(crate) struct LogArgs {
    /// Only what was done from this day on (2026-11-01, here), or within so long (90m, 2h, 7d)
    #[arg(long, value_name = "WHEN", value_parser = since)]
    pub since: Option<Since>,
    /// Only what names this person or a device of theirs
    #[arg(long, value_name = "USER", conflicts_with = "device")]
    pub user: Option<String>,
    /// Only what names this device: its id, or the first digits of it
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Fetch all of it, and check that it is what the relay has signed
    #[arg(long)]
    pub verify: bool,
}

/// `wardline admin device record`
#[derive(Debug, ClapArgs)]
pub(crate) struct RecordArgs {
    /// Its id, or the first digits of it
    pub device: String,
    /// Where to write it; it holds no secrets
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `wardline admin verify`
#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyArgs {
    /// The file that wardline admin device record wrote
    #[arg(value_name = "FILE")]
    pub record: PathBuf,
    /// The fingerprint of the organisation's root, as wardline status shows it
    #[arg(long, value_name = "FINGERPRINT")]
    pub root: Option<String>,
}

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// The beginning of this day, here.
    Day(Date),
    /// So many seconds ago.
    Ago(u64),
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(day) = Date::parse(text, DAY) {
        return Ok(Since::Day(day));
    }
    read_span(text)
        .map(Since::Ago)
        .map_err(|_| format!("“{text}” is neither a day such as 2026-11-01 nor a span such as 2h"))
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::args::{AdminTask, admin::tests::parsed};

    #[test]
    fn the_log_is_read_from_a_day_or_a_while_ago() {
        assert_eq!(since("2026-11-01"), Ok(Since::Day(date!(2026 - 11 - 01))));
        assert_eq!((since("2h"), since("90m")), (Ok(Since::Ago(7_200)), Ok(Since::Ago(5_400))));
        for wrong in ["2026-13-01", "yesterday", "", "2026-11"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
        let line = "wardline admin log --home A --since 2h --user doctor-a --verify --json";
        let AdminTask::Log(log) = parsed(line).expect(line) else { panic!("{line}") };
        assert_eq!(
            (log.since, log.user.as_deref(), log.verify),
            (Some(Since::Ago(7_200)), Some("doctor-a"), true)
        );
        assert!(parsed("wardline admin log --user doctor-a --device 5b1c").is_err(), "one of the two");
    }

    #[test]
    fn a_record_needs_a_file_and_a_check_needs_nothing_else() {
        assert!(parsed("wardline admin device record 5b1c").is_err());
        assert!(parsed("wardline admin device record 5b1c --out record.json --force").is_ok());
        assert!(parsed("wardline admin verify").is_err());
        let line = "wardline admin verify record.json";
        let AdminTask::Verify(verify) = parsed(line).expect(line) else { panic!("{line}") };
        assert!(verify.root.is_none());
    }
}
