//! What the client of a lying member does, for tests: planted at fault points, which no build but theirs has. Each lie is
//! told in the next commit of this device.

use wardline_identity::SigningKey;
use wardline_proto::{
    DeviceId, Suite,
    fault::planted,
    relay::{CommitData, KeeperRight, OwnDevice, RemovalGround, removal_ground::Ground},
    roster_digest,
};

use super::{core::Device, roster::Roster};
use crate::mls::{Identity, MlsStore, VerifiedKeyPackage, key_package};

/// What is different in a liar's commit.
#[derive(Default)]
pub(crate) struct Lie {
    /// Devices that it adds beside.
    pub adds: Vec<VerifiedKeyPackage>,
    /// The certificate that its leaf gets.
    pub certificate: Option<Vec<u8>>,
    /// Whether its Welcome is kept back.
    pub hides_welcome: bool,
    /// Whether those stay whom it declares out.
    pub keeps_removed: bool,
}

/// Changes a commit as the planted lies have it; without any it stays as it is.
pub(crate) fn tell(
    store: &MlsStore,
    device: &Device,
    suite: Suite,
    (data, before): (&mut CommitData, &Roster),
) -> Lie {
    let mut lie = Lie::default();
    if planted("member.false_roster") {
        data.roster_sha256 = vec![7; 32].into();
    }
    // Somebody comes in whom the relay is not told of.
    if planted("member.false_joins") && !data.joins.is_empty() {
        data.joins.clear();
        lie.hides_welcome = true;
        declare_anew(data, before);
    }
    // The relay is told that somebody goes who stays.
    if planted("member.false_leaves")
        && let Some(victim) = victim(device, before)
    {
        data.leaves = vec![victim.to_wire()];
        data.grounds = vec![RemovalGround { ground: Some(Ground::Keeper(KeeperRight {})) }];
        declare_anew(data, before);
    }
    // The relay is told that everybody goes.
    if planted("member.everybody_out") {
        let others = before.members.iter().map(|member| member.certificate.device());
        let mut others: Vec<DeviceId> = others.filter(|one| *one != device.id()).collect();
        others.sort_unstable();
        data.leaves = others.iter().map(|one| one.to_wire()).collect();
        data.grounds = vec![RemovalGround { ground: Some(Ground::OwnDevice(OwnDevice {})) }; others.len()];
        declare_anew(data, before);
    }
    lie.keeps_removed = planted("member.keep_removed");
    if planted("member.add_uncertified") {
        lie.adds.extend(uncertified(store, device, suite));
        lie.hides_welcome = true;
    }
    if planted("member.foreign_leaf") {
        let other = before.members.iter().find(|member| member.certificate.user() != device.user());
        lie.certificate = other.map(|member| member.certificate.der().to_vec());
    }
    lie
}

/// The commit's ciphertext becomes noise under its true header; the author signs for that.
pub(crate) fn make_worthless(commit: &mut [u8]) {
    if planted("member.worthless_commit") {
        commit.iter_mut().rev().take(256).for_each(|byte| *byte ^= 0x5a);
    }
}

/// The first device of another person.
fn victim(device: &Device, before: &Roster) -> Option<DeviceId> {
    let others = before.members.iter().filter(|member| member.certificate.user() != device.user());
    others.map(|member| member.certificate.device()).min()
}

/// The digest of what is declared.
fn declare_anew(data: &mut CommitData, before: &Roster) {
    let listed = |list: &[bytes::Bytes], device: &DeviceId| list.contains(&device.to_wire());
    let known = before.members.iter().map(|member| member.certificate.device());
    let after = known.filter(|device| !listed(&data.leaves, device));
    let joins = data.joins.iter().filter_map(|bytes| DeviceId::try_from(bytes).ok());
    data.roster_sha256 = roster_digest(after.chain(joins).collect::<Vec<_>>()).to_wire();
}

/// A package with this device's certificate for a key that it does not certify.
fn uncertified(store: &MlsStore, device: &Device, suite: Suite) -> Option<VerifiedKeyPackage> {
    let key = SigningKey::from_seed([7; 32]);
    let identity = Identity { key: &key, certificate_der: device.certificate.der() };
    let made = key_package::generate(store, &identity, suite, 1, false).ok()?;
    key_package::parse_and_verify(made.first()?).ok()?.into_lie()
}
