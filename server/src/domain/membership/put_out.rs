//! Whom a commit put out: its declaration is its author's word, and the relay cannot see whether it is true. So they are
//! heard about it as if they were in, or whoever breaks a log could silence everybody by declaring them out.
//!
//! Whoever was put out rightly could close a log by that; so they count only while more people among them say that they
//! cannot follow than people who are in, its author aside, have followed it.

use std::collections::BTreeSet;

use wardline_proto::{DeviceId, EntryNumber};

use super::{Circle, Member, PutOut, Reporter};

/// Who was in before this commit and was put out by it, or later without having followed it.
pub(super) fn put_out_by(circle: &Circle, number: EntryNumber) -> impl Iterator<Item = &Member> {
    let is_it = move |one: &&PutOut| {
        let was_in = one.member.joined < number || one.member.joined == EntryNumber::ZERO;
        was_in && (one.departed == number || one.departed > number && one.member.acked < number)
    };
    circle.put_out.iter().filter(is_it).map(|one| &one.member)
}

/// The reports about this commit by those whom it put out, if they count.
pub(super) fn heard(circle: &Circle, number: EntryNumber) -> Vec<&Reporter> {
    let reports = standing(circle, number);
    // One who went by a later commit may have been removed rightly: going back to before that takes two people's word.
    let at_once = |report: &&Reporter| {
        circle.put_out.iter().any(|one| one.member.device == report.device && one.departed == number)
    };
    let alone = people(&reports).len() == 1;
    reports.into_iter().filter(|report| !alone || at_once(report)).collect()
}

/// The same reports, as long as others have not shown them wrong.
fn standing(circle: &Circle, number: EntryNumber) -> Vec<&Reporter> {
    let out = |report: &&Reporter| put_out_by(circle, number).any(|member| member.device == report.device);
    let about = circle.reports.iter().filter(|report| report.number == number);
    let reports: Vec<&Reporter> = about.filter(out).collect();
    if people(&reports).len() > followers(circle, number) { reports } else { Vec::new() }
}

fn people<'a>(reports: &[&'a Reporter]) -> BTreeSet<&'a str> {
    reports.iter().map(|report| report.user.as_str()).collect()
}

/// The devices that are out and whose reports count no more: others have followed what they could not.
pub(super) fn refuted(circle: &Circle) -> Vec<DeviceId> {
    let out = |report: &&Reporter| !circle.members.iter().any(|member| member.device == report.device);
    let kept =
        |report: &Reporter| standing(circle, report.number).iter().any(|one| one.device == report.device);
    circle.reports.iter().filter(out).filter(|report| !kept(report)).map(|report| report.device).collect()
}

/// How many people who were in before the commit and still are have followed it, its author aside.
fn followers(circle: &Circle, number: EntryNumber) -> usize {
    let about = || circle.reports.iter().filter(|report| report.number == number);
    let followed = |member: &&Member| {
        let was_in = member.first_joined < number || member.first_joined == EntryNumber::ZERO;
        let wrote = about().any(|report| report.author_user == member.user);
        was_in && member.acked >= number && !wrote && !about().any(|report| report.device == member.device)
    };
    circle.members.iter().filter(followed).map(|member| member.user.as_str()).collect::<BTreeSet<_>>().len()
}
