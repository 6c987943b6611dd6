//! The signed statements that a commit carries as grounds: each is checked as if it came from nobody.

use prost::Message;
use wardline_identity::{Organisation, StatementLabel};
use wardline_proto::{
    DeviceId, Digest,
    fault::planted,
    relay::{Confirmation, DeviceApproval, Leave, OutOfStep, SignedStatement},
};

use super::roster::{Member, Roster};

/// The statement of a member, and who signed it.
fn said<'a, S: Message + Default>(
    before: &'a Roster,
    label: StatementLabel,
    statement: &SignedStatement,
) -> Option<(&'a Member, S)> {
    let signer = before.fingerprint(&Digest::try_from(&statement.signer).ok()?)?;
    let body = signer.certificate.verify_statement(label, statement).ok()?;
    Some((signer, S::decode(body.as_ref()).ok()?))
}

/// Who approved which device of theirs, by its certificate's digest.
pub(crate) fn approval<'a>(
    before: &'a Roster,
    statement: &SignedStatement,
) -> Option<(&'a Member, DeviceId, Digest)> {
    let (signer, approval): (_, DeviceApproval) = said(before, StatementLabel::DeviceApproval, statement)?;
    let device = DeviceId::try_from(&approval.device_id).ok()?;
    Some((signer, device, Digest::try_from(&approval.certificate_sha256).ok()?))
}

/// Whether a statement is the approval of `member` by a device of the same person.
pub(crate) fn approves(before: &Roster, statement: &SignedStatement, member: &Member) -> bool {
    approval(before, statement).is_some_and(|(signer, device, certificate)| {
        signer.certificate.user() == member.certificate.user()
            && device == member.certificate.device()
            && certificate == member.certificate.fingerprint()
    })
}

/// What a member confirmed about another person's devices.
pub(crate) struct Confirmed {
    /// The new device.
    pub device: DeviceId,
    /// Its certificate's digest.
    pub certificate: Digest,
    /// The device it replaces: its person's only one, and in.
    pub replaces: DeviceId,
    /// Their user.
    pub user: String,
}

/// The confirmation of a new device by a member of another person, while the replaced one is its person's only one.
pub(crate) fn confirmation(before: &Roster, statement: &SignedStatement) -> Option<Confirmed> {
    let (signer, said): (_, Confirmation) = said(before, StatementLabel::Confirmation, statement)?;
    let replaces = DeviceId::try_from(&said.replaces_device_id).ok()?;
    let replaced = before.device(&replaces)?;
    let user = replaced.certificate.user();
    let only = before.of_user(user).count() == 1;
    (only && signer.certificate.user() != user).then_some(())?;
    Some(Confirmed {
        device: DeviceId::try_from(&said.device_id).ok()?,
        certificate: Digest::try_from(&said.certificate_sha256).ok()?,
        replaces,
        user: user.to_string(),
    })
}

/// Whether the invitation that a confirmation carries, signed by an issuer, names the device that is replaced, and its person.
pub(crate) fn invited(organisation: &Organisation, before: &Roster, statement: &SignedStatement) -> bool {
    if planted("mutant.uninvited_replacement") {
        return true;
    }
    let Ok(said) = Confirmation::decode(statement.body.clone()) else { return false };
    let record = said.invitation.as_ref();
    let Ok(certificate) = Digest::try_from(&said.certificate_sha256) else { return false };
    let record = record.and_then(|record| organisation.verify_used_invitation(record, &certificate).ok());
    let replaces = DeviceId::try_from(&said.replaces_device_id).ok();
    let (Some(record), Some(replaces)) = (record, replaces) else { return false };
    let replaced = before.device(&replaces);
    record.replaces() == Some(replaces)
        && replaced.is_some_and(|replaced| replaced.certificate.user() == record.user())
}

/// Whether a statement confirms `member` as its person's new device.
pub(crate) fn confirms(before: &Roster, statement: &SignedStatement, member: &Member) -> Option<DeviceId> {
    let confirmed = confirmation(before, statement)?;
    let fits = confirmed.device == member.certificate.device()
        && confirmed.certificate == member.certificate.fingerprint()
        && confirmed.user == member.certificate.user().as_str();
    fits.then_some(confirmed.replaces)
}

/// Who says that their person leaves this conversation.
pub(crate) fn leaving<'a>(
    before: &'a Roster,
    statement: &SignedStatement,
    conversation: &[u8],
) -> Option<&'a Member> {
    let (signer, leave): (_, Leave) = said(before, StatementLabel::Leave, statement)?;
    let fits =
        leave.conversation_id.as_ref() == conversation && leave.user_id == signer.certificate.user().as_str();
    fits.then_some(signer)
}

/// Which member says that it cannot follow this conversation.
pub(crate) fn out_of_step<'a>(
    before: &'a Roster,
    statement: &SignedStatement,
    conversation: &[u8],
) -> Option<&'a Member> {
    let (signer, report): (_, OutOfStep) = said(before, StatementLabel::OutOfStep, statement)?;
    (report.conversation_id.as_ref() == conversation).then_some(signer)
}
