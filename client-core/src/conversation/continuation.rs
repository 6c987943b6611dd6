//! Judging a conversation that says it goes on from a closed log: whether it is the one that counts, and whether it is what it
//! has to be. What this device cannot judge it holds until somebody whom it knows, and who can, speaks there.

use wardline_proto::{
    ConversationId, EntryNumber,
    content::{ConversationSettings, Predecessor},
    fault,
};

use super::{
    closed::HEAD_MAX,
    core::Core,
    expected::{Expected, expected, leavers, witnesses},
    hold::Hold,
    judge::{SETTINGS, Verdict},
    revoked::is_out,
    roster::{Member, Roster},
    successor::{came_to_nothing, line_after},
    suspicion::is_uninvited,
};
use crate::{
    error::CoreError,
    mls::{Leaf, group},
    vault::{
        Transaction,
        mls_rows::Scope,
        tables::{
            commits,
            conversations::{self, ConversationRow, Line, Standing},
        },
    },
};

/// A device that was not in the conversation that this one goes on from.
pub(crate) const NEWCOMER: &str = "someone was brought in as it went on who was not in it before";
/// A successor that this device knows too little to judge.
pub(crate) const UNJUDGED: &str = "this device cannot tell whether it goes on as it was";

/// So many commits bring everybody in: 500 devices, 200 at once.
const FIRST_COMMITS: u64 = 3;

/// How a Welcome stands to what this device knows of the log that its group goes on from.
pub(crate) enum Judged {
    /// It goes on from none, or is not the one that goes on from it.
    Plain,
    /// It goes on from a log that this device was not in; numbers go on from there.
    Unknown(u64),
    /// It says that it goes on from a log that is open here: it is looked at again when that is closed, or has stayed open.
    Open,
    /// It goes on from a log whose successor is not named here yet: it is looked at again then.
    TooEarly,
    /// It goes on from a closed log.
    GoesOn(Box<Going>),
}

/// A log that goes on.
pub(crate) struct Going {
    /// The closed log.
    pub old: ConversationRow,
    /// The place in the line.
    pub line: Line,
    /// Why it is held, if it is not what it has to be, or cannot be judged.
    pub hold: Option<Hold>,
    /// Whether that is proven against who let this device in: by the first commit, of who made it.
    pub by_its_maker: bool,
    /// The members who should not be in.
    pub intruders: Vec<Member>,
    /// The author of the commit that could not be followed.
    pub author: Option<String>,
    /// Everybody whom the successor has to have.
    pub members: Vec<(String, String)>,
}

/// A Welcome, as far as judging needs it.
pub(crate) struct Welcomed<'a> {
    pub conversation: ConversationId,
    pub leaves: &'a [Leaf],
    pub number: EntryNumber,
    pub settings: &'a ConversationSettings,
    pub adder: Option<&'a Member>,
}

/// Judges a successor by the state that was kept.
pub(crate) async fn judge(
    core: &Core,
    tx: &mut Transaction<'_>,
    welcomed: &Welcomed<'_>,
) -> Result<Judged, CoreError> {
    let Some(predecessor) = &welcomed.settings.predecessor else { return Ok(Judged::Plain) };
    let Ok(id) = ConversationId::try_from(predecessor.conversation_id.as_slice()) else {
        return Ok(Judged::Unknown(0));
    };
    let old = conversations::load(tx, &id).await?;
    let was_in = |old: &ConversationRow| {
        !matches!(old.standing, Standing::Left | Standing::Removed) && !is_uninvited(old)
    };
    let Some(old) = old.filter(was_in) else { return Ok(Judged::Unknown(bounded(predecessor))) };
    let Some(closure) = old.line.closed else { return Ok(Judged::Open) };
    // 1. The one that counts is the first that the relay named, and no other once one has been entered.
    match old.line.successor {
        _ if fault::planted("mutant.any_successor") => {}
        Some(entered) if entered != welcomed.conversation && !came_to_nothing(tx, &entered).await? => {
            return Ok(Judged::Plain);
        }
        _ if old.line.named != Some(welcomed.conversation) => return Ok(Judged::TooEarly),
        _ => {}
    }
    // 2. Who is in it, and by which settings.
    let roster = Roster::read(&core.device.organisation, welcomed.leaves);
    let head = old.shown(closure.head).get();
    let line = line_after(&old, head);
    let Some(expected) = expected(tx, &old, closure).await? else {
        let hold = by_what_is_known(core, tx, &old, (welcomed, &roster)).await?;
        let (intruders, members) = (Vec::new(), Vec::new());
        let going = Going { old, line, hold, by_its_maker: false, intruders, author: None, members };
        return Ok(Judged::GoesOn(Box::new(going)));
    };
    let leavers = leavers(tx, &id).await?;
    let finding = compare(core, &expected, welcomed, &roster);
    Ok(Judged::GoesOn(Box::new(Going {
        line,
        hold: finding.hold,
        by_its_maker: finding.by_its_maker,
        intruders: finding.intruders,
        author: expected.former.author.clone(),
        members: expected.members(core.device.id(), &leavers),
        old,
    })))
}

/// Where numbers go on from, by a peer's word: no log is as long as what would make them run over.
fn bounded(predecessor: &Predecessor) -> u64 {
    if predecessor.head <= HEAD_MAX || fault::planted("mutant.any_head") { predecessor.head } else { 0 }
}

struct Finding {
    hold: Option<Hold>,
    by_its_maker: bool,
    intruders: Vec<Member>,
}

/// Compares a successor with what it has to be. Only the first commit shows what its maker did: who comes after it cannot
/// tell who brought whom in, so accuses nobody, and believes a witness.
fn compare(core: &Core, expected: &Expected, welcomed: &Welcomed<'_>, roster: &Roster) -> Finding {
    let number = welcomed.number.get();
    let all = number == 1;
    // Who was in and was removed rightly is known by the author's signature, which the relay can keep back: that proves
    // nothing against whoever let them in again.
    let wrong = |member: &&Member| !expected.former.goes_on(member);
    let intruders: Vec<Member> = roster.members.iter().filter(wrong).cloned().collect();
    let had = |member: &Member| expected.former.had(member) && !fault::planted("mutant.gone_by_its_maker");
    let outsiders = intruders.iter().any(|member| !had(member));
    // Where the closed log ended is the relay's word.
    let mut right = expected.settings.clone();
    if let (Some(right), Some(theirs)) = (&mut right.predecessor, &welcomed.settings.predecessor)
        && !fault::planted("mutant.judge_head")
    {
        right.head = theirs.head;
    }
    let differs = *welcomed.settings != right;
    let judged = number <= FIRST_COMMITS || welcomed.settings.number == right.number;
    let mut verdict = Verdict { devices: intruders.iter().map(Member::key).collect(), ..Verdict::default() };
    if !intruders.is_empty() {
        verdict.held.push(NEWCOMER);
    }
    if differs && judged {
        verdict.held.push(SETTINGS);
    }
    let hold = Hold::after(None, &verdict, (roster, welcomed.leaves), &right);
    let witnesses = || expected.witnesses(core.device.user().as_str(), welcomed.adder);
    let hold = match hold {
        _ if number > FIRST_COMMITS && fault::planted("mutant.late_comers_trust") => None,
        Some(hold) if all => Some(hold),
        Some(hold) => Some(hold.until_said_by(witnesses())),
        None if differs && !judged => Some(Hold::unjudged(UNJUDGED, witnesses())),
        None => None,
    };
    let by_its_maker = all && (outsiders || differs);
    Finding { hold, by_its_maker, intruders }
}

/// This device does not know the state that it goes on from; but who is in now is exactly who was in the closed log as far as
/// this device has followed, or it is held until a member of that says something there: one from which somebody is missing may
/// be hers who left them out.
async fn by_what_is_known(
    core: &Core,
    tx: &mut Transaction<'_>,
    old: &ConversationRow,
    (welcomed, roster): (&Welcomed<'_>, &Roster),
) -> Result<Option<Hold>, CoreError> {
    if fault::planted("mutant.unjudged_trusted") {
        return Ok(None);
    }
    core.store.load_within(tx, Scope::Conversation(old.conversation)).await?;
    let group = group::load(&core.store, old.conversation)?;
    let known = group.as_ref().map(|group| Roster::read(&core.device.organisation, &group.roster()));
    let same = |settings: &ConversationSettings| ConversationSettings {
        number: 0,
        predecessor: None,
        ..settings.clone()
    };
    let settings = group.as_ref().is_some_and(|group| same(&group.settings()) == same(welcomed.settings));
    let fits = known.as_ref().is_some_and(|known| {
        let revoked = |member: &Member| is_out(&core.revocations, &member.certificate.device());
        let missing = known.members.iter().any(|member| !roster.has(member) && !revoked(member));
        let strange = roster.members.iter().any(|member| !known.has(member));
        !strange && (!missing || fault::planted("mutant.some_are_all"))
    });
    if fits && settings {
        return Ok(None);
    }
    let breaker = breaker(tx, old, known.as_ref()).await?;
    let users = known.as_ref().unwrap_or(roster).members.iter().map(|one| one.certificate.user().to_string());
    let users =
        users.filter(|user| breaker.as_ref() != Some(user) || fault::planted("mutant.breaker_vouches"));
    let own = core.device.user().as_str();
    let witnesses =
        witnesses(users.collect::<std::collections::BTreeSet<_>>().into_iter(), own, welcomed.adder);
    Ok(Some(Hold::unjudged(UNJUDGED, witnesses)))
}

/// The user who wrote the commit at which this device stopped, if it did: where nobody else is left to tell that it goes on rightly,
/// who let this device in tells it.
async fn breaker(
    tx: &mut Transaction<'_>,
    old: &ConversationRow,
    known: Option<&Roster>,
) -> Result<Option<String>, CoreError> {
    let Some(closure) = old.line.closed else { return Ok(None) };
    let known_commits = commits::newest(tx, &old.conversation, closure.number).await?;
    let stopped = known_commits.into_iter().filter(|commit| commit.number > old.cursor);
    let author = stopped.min_by_key(|commit| commit.number).and_then(|commit| commit.author);
    let member = known.zip(author).and_then(|(known, author)| known.device(&author));
    Ok(member.map(|member| member.certificate.user().to_string()))
}

#[cfg(test)]
mod tests {
    use wardline_proto::in_place::{arm, disarm};

    use super::*;

    #[test]
    fn numbers_do_not_run_over_by_a_peers_word() {
        let head = |head| bounded(&Predecessor { head, ..Predecessor::default() });
        assert_eq!((head(57), head(HEAD_MAX), head(HEAD_MAX + 1), head(u64::MAX)), (57, HEAD_MAX, 0, 0));
        arm("mutant.any_head");
        let unbounded = head(u64::MAX);
        disarm("mutant.any_head");
        assert_eq!(unbounded, u64::MAX);
    }
}
