//! What an issuer has certified: by the relay's record, which it has signed for, and by what it lists.
//!
//! A relay that lists less would have a strike cut off devices that are good. The record shows what was certified; where the two differ,
//! whoever strikes is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wardline_identity::{KEPT_MAX, RecordAct, Strike};
use wardline_proto::{Digest, UtcMillis, fault};

use super::{Session, inventory, record, record_pages, root_door::InForce};
use crate::{error::CoreError, relay::Relay};

/// How long a device's certificate is good, in seconds: 90 days.
const LIFE_SECONDS: u64 = 90 * 86_400;

/// How long after its end a certificate is kept before it may make room for others, in seconds: as long as any commit or closure
/// is that its device may have signed.
const AFTER_SECONDS: u64 = 90 * 86_400;

/// What the relay has shown of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordSeen {
    /// It has none.
    Nothing,
    /// Its entries are those that it has signed for.
    Fits,
    /// They are not: it was gone by what is listed alone.
    Differs,
}

/// What a strike keeps of one issuer's making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptShown {
    /// The issuer's name.
    pub name: String,
    /// SHA-256 of its certificate.
    pub fingerprint: String,
    /// How many certificates of devices stay good.
    pub kept: usize,
    /// How many the record has.
    pub recorded: usize,
    /// How many the relay lists, one a device.
    pub listed: usize,
    /// How many the relay lists that the record does not have.
    pub unrecorded: usize,
}

/// What is certified, by the issuer's certificate.
#[derive(Debug, Default)]
pub(super) struct Certified {
    listed: BTreeMap<Digest, BTreeSet<Digest>>,
    recorded: BTreeMap<Digest, BTreeSet<Digest>>,
    /// When each ends.
    ends: BTreeMap<Digest, UtcMillis>,
    /// Whether the record could be gone by.
    pub record: Option<RecordSeen>,
}

impl Certified {
    /// As the relay shows it now.
    pub(super) async fn read(
        session: &Session,
        relay: &Arc<dyn Relay>,
        now: &InForce,
    ) -> Result<Self, CoreError> {
        let mut read = Self::default();
        // 1. The record, up to the head that the relay has signed.
        record::greeted(session, &now.greeting, &now.record_head).await?;
        let mut recorded = Vec::new();
        let rebuilt = record_pages::rebuild(session, relay, |entry| {
            if let Some(said) = entry.said
                && let RecordAct::DeviceCertified { certificate, issuer, .. } = said.act
            {
                recorded.push((issuer, certificate, said.at));
            }
        });
        let rebuilt = rebuilt.await?;
        let shown = match &rebuilt {
            None => RecordSeen::Nothing,
            Some(rebuilt) if rebuilt.fits => RecordSeen::Fits,
            Some(_) => RecordSeen::Differs,
        };
        read.record = Some(shown);
        for (issuer, certificate, at) in recorded.into_iter().filter(|_| shown == RecordSeen::Fits) {
            read.recorded.entry(issuer).or_default().insert(certificate);
            read.ends.insert(certificate, at.plus_seconds(LIFE_SECONDS));
        }
        // 2. What is listed, each by its issuer's signature.
        for one in inventory::devices(session, relay, None).await? {
            let certificate = one.certificate.fingerprint();
            read.listed.entry(one.certificate.issuer()).or_default().insert(certificate);
            read.ends.insert(certificate, one.certificate.not_after());
        }
        Ok(read)
    }

    /// The certificates of an issuer's making.
    pub(super) fn of(&self, issuer: &Digest) -> BTreeSet<Digest> {
        let listed = self.listed.get(issuer).into_iter().flatten().copied();
        let recorded = self.recorded.get(issuer).into_iter().flatten().copied();
        match fault::planted("mutant.kept_by_list_alone") {
            true => listed.collect(),
            false => listed.chain(recorded).collect(),
        }
    }

    /// The same, in numbers.
    pub(super) fn shown(&self, issuer: &wardline_identity::IssuerCertificate) -> KeptShown {
        let fingerprint = issuer.fingerprint();
        let none = BTreeSet::new();
        let listed = self.listed.get(fingerprint).unwrap_or(&none);
        let recorded = self.recorded.get(fingerprint).unwrap_or(&none);
        KeptShown {
            name: issuer.label().to_string(),
            fingerprint: fingerprint.to_string(),
            kept: self.of(fingerprint).len(),
            recorded: recorded.len(),
            listed: listed.len(),
            unrecorded: listed.difference(recorded).count(),
        }
    }

    /// Leaves out what ended longest ago where there are more than a list holds, and nothing that ended within 90 days: a leaf that
    /// has such a certificate is put out as nobody's.
    pub(super) fn make_room(&self, struck: &mut [Strike], now: UtcMillis) {
        let all: usize = struck.iter().map(|strike| strike.kept.len()).sum();
        let mut ended: Vec<(UtcMillis, Digest)> = self
            .ends
            .iter()
            .filter(|(_, end)| end.plus_seconds(AFTER_SECONDS) <= now)
            .filter(|(one, _)| struck.iter().any(|strike| strike.kept.contains(*one)))
            .map(|(one, end)| (*end, *one))
            .collect();
        ended.sort_unstable();
        for (_, one) in ended.into_iter().take(all.saturating_sub(KEPT_MAX)) {
            for strike in struck.iter_mut() {
                strike.kept.remove(&one);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMillis = UtcMillis::new(1_800_000_000_000);

    fn digests(from: u32, to: u32) -> BTreeSet<Digest> {
        (from..to).map(|one| Digest::of(&one.to_be_bytes())).collect()
    }

    /// Of so many that ended so long ago and 10,000 in use, how many are kept.
    fn kept(ended: u32, days_ago: u64) -> usize {
        let (old, used) = (digests(0, ended), digests(100_000, 110_000));
        let at = UtcMillis::new(NOW.get() - days_ago * 86_400_000);
        let ends = old.iter().map(|one| (*one, at)).chain(used.iter().map(|one| (*one, NOW)));
        let certified = Certified { ends: ends.collect(), ..Certified::default() };
        let strike = |kept| Strike { certificate: Vec::new(), kept, since: None };
        let mut struck = [strike(old), strike(used.clone())];
        certified.make_room(&mut struck, NOW);
        assert_eq!(struck[1].kept, used, "what is in use stays");
        struck[0].kept.len()
    }

    #[test]
    fn what_ended_long_ago_makes_room_and_only_where_there_is_none() {
        assert_eq!(kept(9_000, 91), 9_000, "there is room");
        assert_eq!(kept(12_000, 91), 10_000, "as many as fit");
        assert_eq!(kept(12_000, 89), 12_000, "members may have to name them still");
    }
}
