//! The one way from a call to the writer: counted per device, judged once more, and timed by the writer.
//!
//! A call may have begun before a list named its device, and come to the writer after it: then it does nothing, whatever it
//! is.
//!
//! The instant is taken when the operation runs, not when the call came: so stamps follow the order in which
//! entries are stored, however long the queue was.

use std::sync::Arc;

use futures::future::BoxFuture;
use tonic::Status;
use wardline_identity::{RevocationAct, RevocationKind};
use wardline_proto::{DeviceId, UtcMillis, fault};

use super::{authorise, status};
use crate::domain::revocation::RevocationStorage as _;
use crate::state::Relay;
use crate::store::{StoreError, WriteTx};

/// Runs `operation` in the writer's transaction for a device, at the instant that it is given; `after` follows
/// once it is on disk ([`Store::write_then`](crate::store::Store::write_then)).
///
/// # Errors
/// LIMIT_REACHED if the device has too many writes under way, DEVICE_REVOKED if it is out by then; else what `operation` or the
/// store returns.
pub(crate) async fn for_device<T, E, F, A>(
    relay: &Relay,
    device: DeviceId,
    name: &'static str,
    operation: F,
    after: A,
) -> Result<T, Status>
where
    T: Send + 'static,
    E: From<StoreError> + Into<Status> + Send + 'static,
    F: for<'t> FnOnce(&'t mut WriteTx, UtcMillis) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    A: FnOnce(&T) + Send + 'static,
{
    write(relay, (device, Struck::Refused), name, operation, after).await
}

/// The same for what a device may do whose issuer was struck: open its vault, to read what it has.
///
/// # Errors
/// As [`for_device`].
pub(crate) async fn for_vault<T, E, F>(
    relay: &Relay,
    device: DeviceId,
    name: &'static str,
    operation: F,
) -> Result<T, Status>
where
    T: Send + 'static,
    E: From<StoreError> + Into<Status> + Send + 'static,
    F: for<'t> FnOnce(&'t mut WriteTx, UtcMillis) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    write(relay, (device, Struck::Permitted), name, operation, |_| ()).await
}

/// What becomes of a device whose issuer was struck.
#[derive(PartialEq, Eq)]
enum Struck {
    /// It does nothing any more.
    Refused,
    /// It may do this.
    Permitted,
}

async fn write<T, E, F, A>(
    relay: &Relay,
    (device, struck): (DeviceId, Struck),
    name: &'static str,
    operation: F,
    after: A,
) -> Result<T, Status>
where
    T: Send + 'static,
    E: From<StoreError> + Into<Status> + Send + 'static,
    F: for<'t> FnOnce(&'t mut WriteTx, UtcMillis) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    A: FnOnce(&T) + Send + 'static,
{
    let permit = relay.writes.take(device).ok_or_else(status::too_many_writes)?;
    let (clock, devices) = (Arc::clone(&relay.clock), Arc::clone(&relay.devices));
    // The permit lives as long as the job: `after` is dropped with it, called or not.
    let after = move |result: &T| {
        after(result);
        drop(permit);
    };
    let write = relay.store.write_then(
        name,
        move |tx| {
            Box::pin(async move {
                let out = tx.last_act(device).await?.filter(|act| act.kind != RevocationKind::Reinstated);
                let taken = fault::planted("mutant.written_after") || fault::planted("relay.no_fence");
                match out {
                    Some(act) if !taken => Err(Refused::Out(act)),
                    _ if struck == Struck::Refused && devices.is_device_struck(&device) => {
                        Err(Refused::Struck)
                    }
                    _ => operation(tx, clock.now()).await.map_err(Refused::Operation),
                }
            })
        },
        after,
    );
    write.await.map_err(|refused| match refused {
        Refused::Out(act) => authorise::revoked(act.at, act.reason).into(),
        Refused::Struck => authorise::struck().into(),
        Refused::Operation(error) => error.into(),
    })
}

/// Why nothing was written.
enum Refused<E> {
    /// The device is out.
    Out(RevocationAct),
    /// Its certificate is no longer good.
    Struck,
    /// The operation says why.
    Operation(E),
}

impl<E: From<StoreError>> From<StoreError> for Refused<E> {
    fn from(error: StoreError) -> Self {
        Self::Operation(error.into())
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::founded::{Founded, reason};
    use crate::write_permits::WRITES_PER_DEVICE_MAX;

    const PHONE: DeviceId = DeviceId::from_bytes([1; 16]);
    const TABLET: DeviceId = DeviceId::from_bytes([2; 16]);

    async fn touch(relay: &Relay, device: DeviceId) -> Result<UtcMillis, Status> {
        let write = for_device(
            relay,
            device,
            "touch",
            |_, now| Box::pin(async move { Ok::<_, StoreError>(now) }),
            |_| (),
        );
        write.await
    }

    /// The writer, busy until told.
    async fn busy(relay: &Relay) -> oneshot::Sender<()> {
        let (release, released) = oneshot::channel::<()>();
        let (begun, began) = oneshot::channel();
        let store = relay.store.clone();
        tokio::spawn(async move {
            let write = store.write("busy", move |_| {
                Box::pin(async move {
                    begun.send(()).unwrap();
                    drop(released.await);
                    Ok::<_, StoreError>(())
                })
            });
            write.await
        });
        began.await.unwrap();
        release
    }

    #[tokio::test]
    async fn a_device_that_floods_the_writer_is_refused_and_nobody_else_is() {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let release = busy(&relay).await;
        let flood: Vec<_> = (0..WRITES_PER_DEVICE_MAX)
            .map(|_| {
                let relay = Arc::clone(&relay);
                tokio::spawn(async move { touch(&relay, PHONE).await })
            })
            .collect();
        tokio::task::yield_now().await;
        // Hanging up gives no place back: the write is still queued.
        flood[0].abort();
        tokio::task::yield_now().await;
        let ninth = tokio::time::timeout(std::time::Duration::from_secs(5), touch(&relay, PHONE));
        let refused = ninth.await.expect("at once, not when the writer is free").unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (tonic::Code::ResourceExhausted, "LIMIT_REACHED")
        );
        let details = tonic_types::StatusExt::get_error_details(&refused);
        assert!(details.retry_info().is_some_and(|info| info.retry_delay.is_some()));
        let other = {
            let relay = Arc::clone(&relay);
            tokio::spawn(async move { touch(&relay, TABLET).await })
        };
        release.send(()).unwrap();
        assert!(other.await.unwrap().is_ok(), "the control: another device");
        for write in flood.into_iter().skip(1) {
            assert!(write.await.unwrap().is_ok());
        }
        assert!(touch(&relay, PHONE).await.is_ok(), "the control: once they are answered");
    }

    #[tokio::test]
    async fn an_operation_is_timed_when_it_runs_and_not_when_it_was_asked_for() {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let asked = founded.clock_now();
        assert_eq!(touch(&relay, PHONE).await.unwrap(), asked, "the control");
        let release = busy(&relay).await;
        let waiting = {
            let relay = Arc::clone(&relay);
            tokio::spawn(async move { touch(&relay, PHONE).await })
        };
        tokio::task::yield_now().await;
        founded.clock.advance_seconds(5);
        release.send(()).unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), asked.plus_seconds(5));
    }
}
