//! `Evaluate`: one try of a passcode, counted on disk before it is answered.

use tonic::{Request, Status};
use wardline_identity::UnlockTry;
use wardline_proto::relay::{EvaluateRequest, EvaluateResponse};

use super::read_pair;
use crate::domain::unlock::{UnlockRefusal, Verdict, take};
use crate::service::{authorise, decode, greeting, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<EvaluateRequest>,
) -> Result<EvaluateResponse, Status> {
    let exporter = authorise::exporter(&request)?;
    let request = request.into_inner();
    // Whoever is too old to take part reads what they have.
    greeting::understood(request.greeting.as_ref())?;
    let statement = decode::present("try", request.r#try)?;

    // 1. It is of the pair's unlock key, on this connection, and its device is not out.
    let named = UnlockTry::named(&statement).map_err(UnlockRefusal::Try)?;
    let pair = read_pair(relay, named).await?;
    let tried = UnlockTry::verify(&statement, &pair.unlock_key, &exporter).map_err(UnlockRefusal::Try)?;
    authorise::in_force(relay, pair.device)?;

    // 2. What only has to wait costs no write, and what cannot be evaluated does not count.
    if let Verdict::Soon(retry_after) = pair.judge(&tried, relay.clock.now())
        && !pair.is_ahead(relay.clock.now())
    {
        return Err(UnlockRefusal::Soon { retry_after }.into());
    }
    let evaluated = pair.key.evaluate(&tried.blinded, &*relay.entropy).map_err(UnlockRefusal::Oprf)?;

    // 3. It counts, on disk, before anybody learns what was evaluated.
    let taken = write::for_vault(relay, pair.device, "unlock_try", move |tx, now| {
        Box::pin(async move { take(tx, &tried, now).await })
    });
    let taken = taken.await??;
    Ok(EvaluateResponse {
        greeting: Some(greeting::of(relay).await?),
        evaluated: evaluated.element.to_vec().into(),
        proof: evaluated.proof.to_vec().into(),
        tries_left: taken.left,
    })
}
