//! Joining by a Welcome: parse, check and join in one.
//!
//! openmls takes a one-time KeyPackage out of the store as soon as it has parsed a Welcome. Here the overlay
//! goes back when anything fails or the judge refuses, so a bad Welcome costs nothing.

use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn, StagedWelcome, Welcome, WelcomeError};
use tls_codec::DeserializeBytes as _;
use wardline_proto::content::ConversationSettings;
use wardline_proto::{ConversationId, Epoch, Suite};

use super::Group;
use crate::mls::parameters::{self, POSITION_EXTENSION};
use crate::mls::{JoinError, Leaf, LogPosition, MlsError, MlsStore, StoreError};

/// What a Welcome leads into, for the judge.
#[derive(Debug, Clone)]
pub struct JoinView {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its cipher suite.
    pub suite: Suite,
    /// The epoch we join in.
    pub epoch: Epoch,
    /// All members, ourselves included.
    pub members: Vec<Leaf>,
    /// The settings in force.
    pub settings: ConversationSettings,
    /// Where the log stood before the commit that added us, as the adder says.
    pub position: LogPosition,
    /// Who added us.
    pub adder: Leaf,
    /// Our own leaf's place in the tree.
    pub own_index: u32,
}

/// Joins the group of a Welcome, which must be the announced conversation's, if `judge` accepts it. On any error the store is as before: the KeyPackage
/// stays usable.
///
/// The device's rows and those of the conversation must be loaded.
///
/// # Errors
/// [`JoinError::Refused`] by the judge. [`MlsError::Malformed`], [`MlsError::WelcomeInvalid`],
/// [`MlsError::NoKeyPackage`], [`MlsError::SuiteUnknown`] for bad Welcomes; [`MlsError::Exists`],
/// [`MlsError::Store`].
pub fn join<E>(
    store: &MlsStore,
    announced: ConversationId,
    welcome: &[u8],
    judge: impl FnOnce(&JoinView) -> Result<(), E>,
) -> Result<(Group, JoinView), JoinError<E>> {
    store.require_device().map_err(MlsError::from)?;
    let before = store.checkpoint();
    let outcome = judged(store, announced, welcome, judge);
    if outcome.is_err() {
        store.return_to(before);
    }
    outcome
}

fn judged<E>(
    store: &MlsStore,
    announced: ConversationId,
    welcome: &[u8],
    judge: impl FnOnce(&JoinView) -> Result<(), E>,
) -> Result<(Group, JoinView), JoinError<E>> {
    let (staged, view) = stage(store, announced, parse(welcome)?)?;
    judge(&view).map_err(JoinError::Refused)?;
    let mls = staged.into_group(store).map_err(sort)?;
    Ok((Group::new(mls, view.conversation)?, view))
}

fn parse(welcome: &[u8]) -> Result<Welcome, MlsError> {
    let message = MlsMessageIn::tls_deserialize_exact_bytes(welcome).map_err(|_| MlsError::Malformed)?;
    match message.extract() {
        MlsMessageBodyIn::Welcome(welcome) => Ok(welcome),
        _ => Err(MlsError::Malformed),
    }
}

/// Opens and verifies the Welcome; openmls has then checked the tree, the signatures and the confirmation
/// tag.
fn stage(
    store: &MlsStore,
    announced: ConversationId,
    welcome: Welcome,
) -> Result<(StagedWelcome, JoinView), MlsError> {
    let config = parameters::join_config();
    let builder = StagedWelcome::build_from_welcome(store, &config, welcome).map_err(sort)?;
    // Before anything else: openmls looks for a group of that id in the store, whose rows may not be loaded.
    let unverified = builder.processed_welcome().unverified_group_info();
    if unverified.group_id().as_slice() != announced.as_bytes() {
        return Err(MlsError::WelcomeInvalid);
    }
    // Read before it is verified, used after: `build` verifies the signature over the GroupInfo.
    let position = builder
        .processed_welcome()
        .unverified_group_info()
        .extensions()
        .unknown(POSITION_EXTENSION)
        .and_then(|extension| LogPosition::decode(&extension.0));
    // Nobody judges a leaf's dates by MLS lifetimes; the judge looks at certificates.
    let staged = builder.skip_lifetime_validation().build().map_err(sort)?;
    let context = staged.group_context();
    if !parameters::is_ours(context) {
        return Err(MlsError::WelcomeInvalid);
    }
    let adder = staged.welcome_sender().map_err(|_| MlsError::WelcomeInvalid)?;
    let view = JoinView {
        conversation: ConversationId::try_from(context.group_id().as_slice())
            .map_err(|_| MlsError::WelcomeInvalid)?,
        suite: parameters::suite(context.ciphersuite())?,
        epoch: Epoch::new(context.epoch().as_u64()),
        members: staged.members().map(|member| Leaf::of_member(&member)).collect(),
        settings: parameters::settings(context).ok_or(MlsError::WelcomeInvalid)?,
        position: position.ok_or(MlsError::WelcomeInvalid)?,
        adder: Leaf::of_node(staged.welcome_sender_index().u32(), adder),
        own_index: staged.own_leaf_index().u32(),
    };
    Ok((staged, view))
}

fn sort(error: WelcomeError<StoreError>) -> MlsError {
    match error {
        WelcomeError::StorageError(StoreError::ForeignGroup) => MlsError::WelcomeInvalid,
        WelcomeError::StorageError(error) => error.into(),
        WelcomeError::NoMatchingKeyPackage => MlsError::NoKeyPackage,
        WelcomeError::GroupAlreadyExists => MlsError::Exists,
        WelcomeError::UnsupportedCiphersuite(_) => MlsError::SuiteUnknown,
        _ => MlsError::WelcomeInvalid,
    }
}
