//! PublishKeyPackages: stores packages of the calling device.

use std::collections::BTreeMap;

use bytes::Bytes;
use wardline_proto::{DeviceId, Suite, UtcMillis, fault};

use super::{KeyPackageError, KeyPackageStorage, ONE_TIME_MAX};

/// Packages of one device, each checked to be its own.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The caller.
    pub device: DeviceId,
    /// When its certificate, which is in the packages, lapses.
    pub lapses_at: UtcMillis,
    /// When they came.
    pub published_at: UtcMillis,
    /// The packages.
    pub packages: Vec<Package>,
}

/// One package.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its KeyPackageRef.
    pub reference: Bytes,
    /// Its suite.
    pub suite: Suite,
    /// Whether it has the last_resort extension.
    pub last_resort: bool,
    /// The MLSMessage.
    pub bytes: Bytes,
}

/// Stores those that are new; all or none. Of a device that is out none ever, whenever it asked. Those of a certificate that ends
/// earlier are handed out no more.
///
/// # Errors
/// - [`KeyPackageError::Revoked`].
/// - [`KeyPackageError::TooMany`]: more one-time packages would wait than may.
/// - [`KeyPackageError::AnotherDevices`]: one is known as another device's.
pub async fn publish<S: KeyPackageStorage>(
    storage: &mut S,
    publication: &Publication,
) -> Result<(), KeyPackageError> {
    if storage.is_out(publication.device).await? && !fault::planted("mutant.package_of_revoked") {
        return Err(KeyPackageError::Revoked);
    }
    if !publication.packages.is_empty() && !fault::planted("mutant.earlier_packages") {
        storage.drop_earlier(publication.device, publication.lapses_at).await?;
    }
    let mut left = BTreeMap::new();
    for package in &publication.packages {
        match storage.owner(&package.reference).await? {
            Some(owner) if owner == publication.device => continue,
            Some(_) => return Err(KeyPackageError::AnotherDevices),
            None => storage.insert(publication, package).await?,
        }
        if package.last_resort {
            continue;
        }
        let count = match left.get(&package.suite) {
            Some(count) => count + 1,
            None => storage.one_time_left(publication.device, package.suite).await?,
        };
        if count > ONE_TIME_MAX {
            return Err(KeyPackageError::TooMany);
        }
        left.insert(package.suite, count);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use wardline_proto::in_place::{arm, disarm};

    use super::*;
    use crate::domain::ward::Ward;

    #[tokio::test]
    async fn at_most_a_hundred_one_time_packages_wait_and_a_refusal_stores_none() {
        let ward = Ward::empty().await;
        ward.publish(1, 99, 1).await.unwrap();
        assert!(matches!(ward.publish(1, 2, 1).await, Err(KeyPackageError::TooMany)));
        ward.publish(1, 1, 0).await.unwrap();
        assert!(matches!(ward.publish(1, 1, 0).await, Err(KeyPackageError::TooMany)));
        ward.claim(9, 1, &[1]).await.unwrap();
        ward.publish(1, 1, 0).await.unwrap();
    }

    #[tokio::test]
    async fn the_same_package_again_changes_nothing_also_after_it_was_claimed() {
        let ward = Ward::empty().await;
        let package = ward.package(false);
        ward.publish_these(1, vec![package.clone(), package.clone()]).await.unwrap();
        ward.publish_these(1, vec![package.clone()]).await.unwrap();
        assert_eq!(ward.claim(9, 1, &[1]).await.unwrap().handouts.len(), 1);
        ward.publish_these(1, vec![package.clone()]).await.unwrap();
        assert_eq!(ward.claim(8, 2, &[1]).await.unwrap().handouts, [], "handed out once, for good");
        let stolen = ward.publish_these(2, vec![package]).await;
        assert!(matches!(stolen, Err(KeyPackageError::AnotherDevices)));
    }

    #[tokio::test]
    async fn a_new_last_resort_replaces_the_old_one() {
        let ward = Ward::empty().await;
        let (old, new) = (ward.package(true), ward.package(true));
        ward.publish_these(1, vec![old.clone()]).await.unwrap();
        let first = ward.claim(9, 1, &[1]).await.unwrap();
        assert_eq!(first.handouts[0].reference, old.reference);
        ward.publish_these(1, vec![new.clone()]).await.unwrap();
        assert_eq!(ward.claim(9, 2, &[1]).await.unwrap().handouts[0].reference, new.reference);
        let again = ward.claim(9, 1, &[1]).await.unwrap();
        assert_eq!(again.handouts, first.handouts, "the same request, the same answer");
    }

    /// The package that is handed out of a device whose certificate was renewed, after it has published by the new one.
    async fn after_a_renewal(guard: &'static str) -> (Bytes, Bytes) {
        let ward = Ward::empty().await;
        let (old, new) = (ward.package(false), ward.package(false));
        ward.publish_these(1, vec![old]).await.unwrap();
        let published_at = ward.now();
        let lapses_at = published_at.plus_seconds(180 * 86_400);
        let device = crate::domain::ward::device(1);
        let publication = Publication { device, lapses_at, published_at, packages: vec![new.clone()] };
        arm(guard);
        let write =
            ward.store.write("publish", move |tx| Box::pin(async move { publish(tx, &publication).await }));
        write.await.unwrap();
        disarm(guard);
        let handed_out = ward.claim(9, 1, &[1]).await.unwrap().handouts;
        (handed_out[0].reference.clone(), new.reference)
    }

    #[tokio::test]
    async fn packages_of_a_newer_certificate_take_the_place_of_those_before() {
        let (handed_out, new) = after_a_renewal("").await;
        assert_eq!(handed_out, new);
        let (handed_out, new) = after_a_renewal("mutant.earlier_packages").await;
        assert_ne!(handed_out, new, "the guard taken away");
    }
}
