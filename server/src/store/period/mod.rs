//! Table `period_secrets`: the relay's part of the keys of messages.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt as _;
use sqlx::{QueryBuilder, sqlite::SqliteRow};
use wardline_proto::{Period, UtcMillis, fault::planted};
use zeroize::Zeroizing;

use super::{
    ReadTx, StoreError, WriteTx,
    row::{Columns as _, integer},
};
use crate::domain::period::{PeriodStorage, PeriodView, Secret};

fn period(row: &SqliteRow) -> Result<Period, StoreError> {
    Period::ending(row.instant("ends_at")?).ok_or(StoreError::Unreadable { column: "ends_at" })
}

fn parse(row: &SqliteRow) -> Result<(Period, Secret), StoreError> {
    let secret = Zeroizing::new(row.blob("secret")?);
    let secret = secret.as_slice().try_into().map_err(|_| StoreError::Unreadable { column: "secret" })?;
    Ok((period(row)?, Secret::from_bytes(secret)))
}

impl PeriodView for ReadTx {
    /// Row by row: only what was asked for is held.
    async fn period_secrets(&mut self, periods: &[Period]) -> Result<BTreeMap<Period, Secret>, StoreError> {
        let (Some(first), Some(last)) = (periods.first(), periods.last()) else { return Ok(BTreeMap::new()) };
        let mut rows =
            sqlx::query("SELECT ends_at, secret FROM period_secrets WHERE ends_at BETWEEN ?1 AND ?2")
                .bind(integer(first.end().get()))
                .bind(integer(last.end().get()))
                .fetch(self.connection());
        let mut found = BTreeMap::new();
        while let Some(row) = rows.try_next().await? {
            if periods.binary_search(&period(&row)?).is_ok() {
                found.extend([parse(&row)?]);
            }
        }
        Ok(found)
    }
}

impl PeriodStorage for WriteTx {
    async fn periods(&mut self) -> Result<BTreeSet<Period>, StoreError> {
        let mut rows = sqlx::query("SELECT ends_at FROM period_secrets").fetch(self.connection());
        let mut found = BTreeSet::new();
        while let Some(row) = rows.try_next().await? {
            found.insert(period(&row)?);
        }
        Ok(found)
    }

    async fn keep_period_secrets(&mut self, secrets: &[(Period, Secret)]) -> Result<(), StoreError> {
        let mut insert = QueryBuilder::new("INSERT OR IGNORE INTO period_secrets (ends_at, secret) ");
        insert.push_values(secrets, |mut row, (period, secret)| {
            row.push_bind(integer(period.end().get())).push_bind(secret.to_bytes().to_vec());
        });
        insert.build().execute(self.connection()).await?;
        Ok(())
    }

    async fn end_periods(&mut self, now: UtcMillis) -> Result<u64, StoreError> {
        if planted("mutant.period_secret_kept") {
            return Ok(0);
        }
        let ended = sqlx::query("DELETE FROM period_secrets WHERE ends_at <= ?1")
            .bind(integer(now.get()))
            .execute(self.connection())
            .await?;
        Ok(ended.rows_affected())
    }
}
