//! Asks members for what conversations are owed, as soon as there is something, until the relay stops.

use std::{error::Error, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use wardline_proto::UtcMillis;

use crate::jobs::asking::{self, Board};
use crate::state::Relay;
use crate::task_bell::Rung;

/// Asks until `stopping`, which also cuts a pass that is under way: the next run of the relay asks anew. Also for
/// scenes that have no doors.
pub async fn ask_until(relay: Arc<Relay>, stopping: CancellationToken) {
    let working = async {
        let (mut board, mut rung) = (Board::default(), Rung::default());
        loop {
            rung.add(relay.tasks.take());
            let now = relay.clock.now();
            let pass = asking::run_once(&mut board, &relay.store, &relay.live, rung.clone(), now).await;
            let pause = match pass {
                Ok(next) => {
                    rung = Rung::default();
                    between(relay.clock.now(), next)
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn Error, "asking members was cut short");
                    PAUSE_AFTER_FAILURE
                }
            };
            // Something new, or the time has come.
            drop(tokio::time::timeout(pause, relay.tasks.heard()).await);
        }
    };
    let never: Option<std::convert::Infallible> = stopping.run_until_cancelled(working).await;
    debug_assert!(never.is_none());
}

fn between(now: UtcMillis, next: UtcMillis) -> Duration {
    Duration::from_millis(next.get().saturating_sub(now.get())).min(PAUSE_MAX)
}

/// The database may be there again.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A clock that was set back is noticed by then.
const PAUSE_MAX: Duration = Duration::from_secs(60);
