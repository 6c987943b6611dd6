//! With the root's file, from an administrator's machine: somebody else's device becomes an issuer's, or somebody's issuer is struck.
//!
//! The root signs, nobody else. What it certifies is a key that the person's own device has made and keeps: that the request is theirs,
//! their device's signature says; that the device is theirs, the code that both compare.

use std::{path::Path, sync::Arc};

use wardline_identity::{Clock, Entropy, IssuerCertificate, IssuerRequest, RootAuthority, UserId};
use wardline_proto::fault;

use super::{
    Session,
    administrators::{self, code, digits},
    inventory, issuers,
    issuers_change::Change,
    keep_list,
    link::Ways,
    lost_issuers::lists_key,
    open::open_vault,
    recovery_file,
    restore::{DeviceLeft, Lost, StruckShown, device_left, shown as struck_shown},
    root_door::{self, Door, InForce, Keeps},
    striking::{Agree, StrikePlan, Striking},
    unseal::Opening,
};
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
    relay::Relay,
    vault::Passcode,
};

/// What the root's holder needs, on an administrator's machine.
pub struct Appointing<'a> {
    /// The folder of this administrator's vault.
    pub home: &'a Path,
    /// Opens it.
    pub passcode: &'a Passcode,
    /// The root's key, sealed.
    pub recovery_file: &'a Path,
    /// Opens it.
    pub recovery_code: &'a str,
    /// Whose issuer it is about.
    pub user: &'a str,
    /// Asked before any issuer is struck: whether to, keeping so much.
    pub agree: &'a (dyn Fn(&StrikePlan) -> Result<(), Failure> + Sync),
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointed {
    /// The user id.
    pub user: String,
    /// Whether it was done just now.
    pub changed: bool,
    /// Number of the issuers' list in force.
    pub issuers_list: u64,
    /// The names of the issuers on it.
    pub issuers: Vec<String>,
    /// The person's issuers that are struck.
    pub struck: Vec<StruckShown>,
    /// The person's devices that may still read what administrators read, until they are revoked.
    pub left: Vec<DeviceLeft>,
}

/// Makes somebody an administrator whose device has asked, and whose code is this one.
pub(crate) async fn add_administrator(
    appointing: &Appointing<'_>,
    said: &str,
) -> Result<Appointed, CoreError> {
    let at = At::enter(appointing).await?;
    let done = at.add(said).await;
    at.leave(done).await
}

/// Strikes all issuers of somebody, and keeps what they had certified.
pub(crate) async fn remove_administrator(appointing: &Appointing<'_>) -> Result<Appointed, CoreError> {
    let at = At::enter(appointing).await?;
    let done = at.remove(appointing.agree).await;
    at.leave(done).await
}

/// An open home with a connection, and the root.
struct At {
    root: RootAuthority,
    user: UserId,
    session: Session,
    relay: Arc<dyn Relay>,
}

impl At {
    async fn enter(appointing: &Appointing<'_>) -> Result<Self, CoreError> {
        let user = crate::api::user_id(appointing.user)?;
        let root = recovery_file::open(appointing.recovery_file, appointing.recovery_code)?;
        let (clock, entropy) = (appointing.clock.clone(), appointing.entropy.clone());
        let ways = Ways::product(clock.clone());
        let opening = Opening { home: appointing.home, passcode: appointing.passcode, clock, entropy };
        let core = open_vault(opening, &ways).await?;
        if core.device.organisation.root_fingerprint() != root.fingerprint() {
            core.vault.close().await?;
            return Err(other_root(&root).into());
        }
        let connector = ways.certified(&core.device)?;
        let relay = connector.connect().await?.0;
        let session = Session::new(core, connector);
        Ok(Self { root, user, session, relay })
    }

    async fn leave(self, done: Result<Appointed, CoreError>) -> Result<Appointed, CoreError> {
        let core = self.session.core().await;
        core.vault.close().await?;
        done
    }

    async fn add(&self, said: &str) -> Result<Appointed, CoreError> {
        // 1. What is in force, and whose request it is.
        let followed = self.follow_list().await?;
        let sent = self.send_signed(followed, said).await?;
        let requests = administrators::requests(&self.session, &self.relay).await?;
        let theirs =
            |one: &&IssuerRequest| *one.user() == self.user || fault::planted("mutant.issuer_for_anybody");
        let theirs: Vec<&IssuerRequest> = requests.iter().filter(theirs).collect();
        let Some(first) = theirs.first() else { return self.added_before(sent).await };
        let same = |one: &&&IssuerRequest| digits(&code(one)) == digits(said);
        let chosen = theirs.iter().find(same).copied();
        let request = match chosen {
            Some(request) => request,
            None if fault::planted("mutant.issuer_code_unread") => first,
            None => return Err(other_code(&self.user).into()),
        };
        // 2. Certified by the root, for the person whom the command names.
        let clock = self.session.clock.clone();
        let label = request.signer().display_name();
        let certificate = self
            .root
            .certify_issuer_of(&self.user, request.key(), label, &*self.session.entropy, clock.now())
            .map_err(|error| Failure::defect(format!("The issuer could not be certified: {error}.")))?;
        // 3. On the list.
        let now = self.change(&Change::Appoints(request, &certificate)).await?;
        fault::crash("crash.administrator_listed");
        if !lists_key(&now, request) {
            return Err(struck_key(&self.user).into());
        }
        issuers::fetch(&self.session, &self.relay, now.organisation.issuers_number()).await?;
        self.told(true, Vec::new()).await
    }

    /// What the root has signed for this person and code before, and what may not have been sent, goes first: their request may be over
    /// by now. Whether there was any.
    async fn send_signed(&self, followed: u64, said: &str) -> Result<bool, CoreError> {
        if fault::planted("mutant.signed_waits_for_request") {
            return Ok(false);
        }
        let number = self.change(&Change::Sends(&self.user, said)).await?.organisation.issuers_number();
        issuers::fetch(&self.session, &self.relay, number).await?;
        Ok(number > followed)
    }

    /// Nobody asks: whoever is on the list already has been let in.
    async fn added_before(&self, sent: bool) -> Result<Appointed, CoreError> {
        let listed = {
            let core = self.session.core().await;
            core.device.organisation.issuers().iter().any(|one| one.user() == Some(&self.user))
        };
        if listed { self.told(sent, Vec::new()).await } else { Err(nobody_asks(&self.user).into()) }
    }

    async fn remove(&self, agree: Agree<'_>) -> Result<Appointed, CoreError> {
        // 1. What is in force, and which issuers are theirs.
        self.follow_list().await?;
        let own = self.own().await?;
        // 2. Struck, on top of the list of revoked devices that is in force, with what they had certified kept.
        let before = self.session.core().await.device.organisation.issuers_number();
        let lost = Lost::Of(self.user.clone());
        let (session, relay) = (&self.session, &self.relay);
        let striking = Striking::new((session, relay), (&own, &lost), agree);
        let now = self.change(&Change::Strikes(&striking)).await?;
        fault::crash("crash.administrator_struck");
        issuers::fetch(&self.session, &self.relay, now.organisation.issuers_number()).await?;
        // 3. The list of revoked devices lives on by this machine's issuer.
        keep_list(&self.session, &self.relay).await?;
        let devices = inventory::devices(&self.session, &self.relay, None).await?;
        let left = devices
            .iter()
            .filter(|one| *one.certificate.user() == self.user && one.certificate.role().may_issue());
        self.told(now.organisation.issuers_number() > before, left.map(device_left).collect()).await
    }

    /// The issuers' list that the relay applies comes first. Its number.
    async fn follow_list(&self) -> Result<u64, CoreError> {
        let now = root_door::in_force(&self.relay, &self.root, &*self.session.clock).await?;
        let number = now.organisation.issuers_number();
        issuers::fetch(&self.session, &self.relay, number).await?;
        Ok(number)
    }

    /// Has a change put in force by the root.
    async fn change(&self, change: &Change<'_>) -> Result<InForce, CoreError> {
        let clock = self.session.clock.clone();
        let keeps = Keeps::Of(&self.session);
        let door = Door { relay: &self.relay, root: &self.root, clock: &*clock, keeps };
        door.change(&[], change).await
    }

    /// Whoever strikes goes on: this machine's issuer signs the list of revoked devices afterwards.
    async fn own(&self) -> Result<IssuerCertificate, CoreError> {
        let core = self.session.core().await;
        let own = core.device.issuing().map(|own| own.certificate());
        let why = match own {
            None => "It holds no issuer that could sign the list of revoked devices afterwards.",
            Some(own) if own.user() == Some(&self.user) || *core.device.user() == self.user => {
                "Nobody removes themselves: another administrator's machine goes on signing."
            }
            Some(own) => return Ok(own.clone()),
        };
        Err(Failure::new(
            FailureKind::Refused,
            "That cannot be done from this machine.",
            why,
            "Do it on another administrator's, or make one anew: wardline admin root restore --strike NAME.",
        )
        .into())
    }

    async fn told(&self, changed: bool, left: Vec<DeviceLeft>) -> Result<Appointed, CoreError> {
        let core = self.session.core().await;
        let organisation = &core.device.organisation;
        let struck = organisation.struck().iter().filter(|one| one.certificate().user() == Some(&self.user));
        Ok(Appointed {
            user: self.user.to_string(),
            changed,
            issuers_list: organisation.issuers_number(),
            issuers: organisation.issuers().iter().map(|issuer| issuer.label().to_string()).collect(),
            struck: struck.map(struck_shown).collect(),
            left,
        })
    }
}

fn other_root(root: &RootAuthority) -> Failure {
    Failure::new(
        FailureKind::Untrusted,
        "The recovery file is another organisation's.",
        format!("Its root is {}.", root.fingerprint()),
        "Name your organisation's file; its root is the one that wardline status shows.",
    )
}

fn other_code(user: &UserId) -> Failure {
    Failure::new(
        FailureKind::Refused,
        format!("The code is not that of a request of {user}."),
        "Either it was read wrongly, or somebody else asks in that name.",
        "Compare it with the person, by voice: wardline administrator status there, wardline admin administrator list here.",
    )
}

fn nobody_asks(user: &UserId) -> Failure {
    Failure::new(
        FailureKind::Unknown,
        format!("No request of {user} waits."),
        "Their administrator's device has not asked in the last seven days, or it is out.",
        "Have them run on it: wardline administrator request.",
    )
}

fn struck_key(user: &UserId) -> Failure {
    Failure::new(
        FailureKind::Refused,
        format!("The issuer of {user} was struck."),
        "Its key comes back under no name.",
        "Have them enrol an administrator's device anew, and ask from there.",
    )
}
