//! `MakePair`: a device has the relay draw a key for its vault.

use tonic::{Request, Status};
use wardline_identity::{OprfKey, PublicKey};
use wardline_proto::relay::{MakePairRequest, MakePairResponse};

use crate::domain::unlock::{NewPair, UnlockRefusal, make};
use crate::service::{authorise, decode, status, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<MakePairRequest>,
) -> Result<MakePairResponse, Status> {
    let device = authorise::device(relay, &request)?.device();
    let request = request.into_inner();
    let unlock_key = PublicKey::try_from(request.unlock_key.as_ref())
        .map_err(|_| status::field_invalid("unlock_key", "is no Ed25519 public key"))?;
    let asked = NewPair {
        id: decode::id("pair_id", &request.pair_id)?,
        unlock_key,
        key: OprfKey::generate(&*relay.entropy).map_err(UnlockRefusal::Oprf)?,
    };
    let public = write::for_device(
        relay,
        device,
        "make_pair",
        move |tx, now| Box::pin(async move { make(tx, device, &asked, now).await }),
        |_| (),
    );
    Ok(MakePairResponse { public_key: public.await?.to_vec().into() })
}
