//! Who has followed a commit that others cannot, and how far: by what they have acknowledged, its author's person aside. An
//! author goes on alone as far as she likes.

use std::collections::BTreeSet;

use wardline_proto::{EntryNumber, fault};

use super::{Circle, Member, Reporter};

fn about(circle: &Circle, number: EntryNumber) -> impl Iterator<Item = &Reporter> {
    circle.reports.iter().filter(move |report| report.number == number)
}

/// Whether it is a device of the person who made the commit.
pub(super) fn wrote(circle: &Circle, number: EntryNumber, member: &Member) -> bool {
    about(circle, number).any(|report| report.author_user == member.user)
}

/// Everybody who is in, and who is out.
pub(super) fn seats(circle: &Circle) -> impl Iterator<Item = &Member> {
    circle.members.iter().chain(circle.put_out.iter().map(|one| &one.member))
}

/// How many people who were in before the commit have followed it, those who cannot and its author aside. Who followed it
/// and went out later counts as well: it could be followed.
pub(super) fn followers(circle: &Circle, number: EntryNumber) -> usize {
    let out_by_it = |member: &Member| member.spans.last().is_some_and(|span| span.departed == Some(number));
    let followed = |member: &&Member| {
        let says = about(circle, number).any(|report| report.device == member.device);
        let follows = member.spans.was_before(number) && member.spans.followed(number);
        follows && !out_by_it(member) && !wrote(circle, number, member) && !says
    };
    seats(circle).filter(followed).map(|member| member.user.as_str()).collect::<BTreeSet<_>>().len()
}

/// Whether the commit let this one in by its own word: it has followed it. Of the author's own devices each would say so,
/// and whom she made up says nothing.
pub(super) fn has_come_in(circle: &Circle, number: EntryNumber, member: &Member) -> bool {
    let follows = member.spans.came_with(number) && member.spans.followed(number);
    follows && !wrote(circle, number, member) && !fault::planted("mutant.newcomers_unheard")
}

/// Whether somebody who was in before the commit, or came in with it, has followed so many after it that members know no more
/// who was in then. How many there are does not count: whoever breaks a log could go on alone until it is too late to close it.
pub(super) fn is_far_back(circle: &Circle, number: EntryNumber) -> bool {
    let Some(far) = about(circle, number).find_map(|report| report.far) else { return false };
    let was_there = |member: &Member| member.spans.was_before(number) || has_come_in(circle, number, member);
    let went_on =
        |member: &Member| member.spans.followed(far) && !wrote(circle, number, member) && was_there(member);
    seats(circle).any(went_on) && !fault::planted("mutant.far_back")
}
