//! Whom a commit put out: its declaration is its author's word, and the relay cannot see whether it is true. So they are
//! heard about it as if they were in, or whoever breaks a log could silence everybody by declaring them out.
//!
//! Whoever was put out rightly could close a log by that. So they are heard for a day, not where others have long gone on, and
//! only while more people among them say that they cannot follow than people who are in have followed, its author with them.

use std::collections::BTreeSet;

use wardline_proto::{DeviceId, EntryNumber, UtcMillis, fault};

use super::{
    Circle, Member, PUT_OUT_HEARD_SECONDS, Reporter,
    close::reported_numbers,
    followed::{followers, is_far_back},
};

/// Who was in before this commit and was put out by it, or later without having followed it.
pub(super) fn put_out_by(circle: &Circle, number: EntryNumber) -> impl Iterator<Item = &Member> {
    circle.put_out.iter().map(|one| &one.member).filter(move |member| member.spans.was_put_out(number))
}

/// Whether it is too late for one whom this commit put out to say so. The clock's stamps never go back.
pub(super) fn is_too_late(taken: UtcMillis, now: UtcMillis) -> bool {
    now >= taken.plus_seconds(PUT_OUT_HEARD_SECONDS) && !fault::planted("mutant.put_out_heard_on")
}

/// The reports about this commit by those whom it put out, if they count.
pub(super) fn heard(circle: &Circle, number: EntryNumber, now: UtcMillis) -> Vec<&Reporter> {
    let reports = standing(circle, number, now);
    // One who went by a later commit may have been removed rightly: going back to before that takes two people's word.
    let at_once = |report: &&Reporter| {
        circle.put_out.iter().any(|one| one.member.device == report.device && one.departed == number)
    };
    let alone = people(&reports).len() == 1;
    reports.into_iter().filter(|report| !alone || at_once(report)).collect()
}

/// The same reports, as long as others have not shown them wrong and it is not too late.
fn standing(circle: &Circle, number: EntryNumber, now: UtcMillis) -> Vec<&Reporter> {
    let out: BTreeSet<DeviceId> = put_out_by(circle, number).map(|member| member.device).collect();
    let about = circle.reports.iter().filter(|report| report.number == number);
    let in_time = about.filter(|report| !is_too_late(report.taken, now));
    let reports: Vec<&Reporter> = in_time.filter(|report| out.contains(&report.device)).collect();
    let outweigh = outweigh(people(&reports).len(), followers(circle, number));
    if outweigh && !is_far_back(circle, number) { reports } else { Vec::new() }
}

/// Whether so many people's word that they cannot follow weighs more than that so many have followed. Where nobody has but
/// its author, it does: she alone can follow what she made up. With the first who has, she counts as one more.
fn outweigh(said: usize, followed: usize) -> bool {
    followed == 0 || said > followed + 1 || fault::planted("mutant.followers_unheard")
}

fn people<'a>(reports: &[&'a Reporter]) -> BTreeSet<&'a str> {
    reports.iter().map(|report| report.user.as_str()).collect()
}

/// The devices that are out and whose reports count no more: others have followed what they could not, or it is too late.
pub(super) fn refuted(circle: &Circle, now: UtcMillis) -> Vec<DeviceId> {
    let members: BTreeSet<DeviceId> = circle.members.iter().map(|member| member.device).collect();
    // Each commit once: up to five hundred report the same one.
    let standing = reported_numbers(circle).into_iter().flat_map(|number| standing(circle, number, now));
    let kept: BTreeSet<DeviceId> = standing.map(|report| report.device).collect();
    let devices = circle.reports.iter().map(|report| report.device);
    devices.filter(|device| !members.contains(device) && !kept.contains(device)).collect()
}
