//! Moving a vault under a fresh database key: what was sealed under the passcode alone opens nothing that comes later.
//!
//! The copy lies beside the database until a header is in force whose keyring has its key; then it takes its place.

use sqlx::{Connection as _, Row as _, SqliteConnection};
use wardline_identity::Entropy;
use wardline_proto::{fault::planted, in_place::in_place};

use super::bodies::Bodies;
use super::database;
use super::files::{Paths, remove, rename, touch};
use super::keyring::Keyring;
use super::period_ring::PeriodRing;
use super::sealed::Unsealed;
use super::tables::sealed_messages;
use super::{Vault, VaultError};

impl Unsealed {
    /// Copies the database, which nobody has open, under fresh keys. The copy counts from when a header seals these keys; until then
    /// everything is as it was.
    ///
    /// # Errors
    /// As [`Unsealed::open`]; [`VaultError::NoEntropy`].
    pub(crate) async fn rekey(&self, entropy: &dyn Entropy) -> Result<Self, VaultError> {
        let keyring = if planted("mutant.key_kept") {
            Keyring { database_key: self.keyring.database_key.clone() }
        } else {
            Keyring::generate(entropy)?
        };
        let paths = Paths::of(&self.paths.folder);
        paths.clear_next()?;
        touch(&paths.database_next)?;
        let mut connection = in_place(Box::pin(database::open(&paths.database, &self.keyring))).await?;
        let copied = copy(&mut connection, &paths, &keyring).await;
        in_place(Box::pin(connection.close())).await?;
        copied?;
        // Nothing was received yet: there are no keys of periods to take along.
        remove(&paths.periods)?;
        Ok(Self { paths, keyring, paired: self.paired })
    }

    /// Opens the database. A copy that these are the keys of, and the database is not, takes its place first.
    ///
    /// # Errors
    /// [`VaultError::Corrupt`], [`VaultError::NewerVersion`], [`VaultError::Busy`] and trouble with the disk.
    pub(crate) async fn open(&self) -> Result<Vault, VaultError> {
        let mut connection = self.open_database().await?;
        let ring = PeriodRing::read(&self.paths.periods, &self.keyring)?;
        if !self.paths.periods.try_exists()?
            && in_place(Box::pin(sealed_messages::has_sealed(&mut connection))).await?
        {
            return Err(VaultError::Corrupt { file: "periods" });
        }
        let paired = self.paired && !planted("mutant.no_relay_part");
        Ok(Vault::new(connection, Bodies::new(ring, paired)))
    }

    async fn open_database(&self) -> Result<SqliteConnection, VaultError> {
        let open = || in_place(Box::pin(database::open(&self.paths.database, &self.keyring)));
        let moved = self.paths.database_next.try_exists()?;
        let connection = match open().await {
            Ok(connection) => {
                self.paths.clear_next()?;
                connection
            }
            Err(VaultError::Corrupt { .. }) if moved => {
                // Nothing is replaced by what does not open.
                let next =
                    in_place(Box::pin(database::open(&self.paths.database_next, &self.keyring))).await?;
                in_place(Box::pin(next.close())).await?;
                for left in self.paths.beside_database() {
                    remove(&left)?;
                }
                rename(&self.paths.database_next, &self.paths.database)?;
                open().await?
            }
            Err(error) => return Err(error),
        };
        Ok(connection)
    }
}

/// Copies schema, rows and the schema's number.
async fn copy(connection: &mut SqliteConnection, paths: &Paths, keyring: &Keyring) -> Result<(), VaultError> {
    let key = database::key_text(keyring);
    let file = paths.database_next.to_str().ok_or(VaultError::Corrupt { file: "database" })?;
    let version: i64 = sqlx::query("PRAGMA user_version").fetch_one(&mut *connection).await?.try_get(0)?;
    sqlx::raw_sql("PRAGMA foreign_keys = OFF").execute(&mut *connection).await?;
    sqlx::query("ATTACH DATABASE ?1 AS next KEY ?2")
        .bind(file)
        .bind(key.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql("SELECT sqlcipher_export('next')").execute(&mut *connection).await?;
    let number = sqlx::AssertSqlSafe(format!("PRAGMA next.user_version = {version}"));
    sqlx::raw_sql(number).execute(&mut *connection).await?;
    sqlx::raw_sql("DETACH DATABASE next").execute(&mut *connection).await?;
    Ok(())
}
