//! The keys themselves, as the core's own code reads them from the vault, to be searched for.

use std::{fs, path::Path};

use sqlx::{ConnectOptions as _, Connection as _, Row as _, sqlite::SqliteConnectOptions};
use tokio::runtime::Runtime;
use wardline_client_core::secrets::secrets;
use wardline_tests::Device;

use crate::needles::Needle;

/// The keys of a device's vault. Control: they are the real ones. The database key opens the database, and each seed is
/// found in a row of it by the same search.
pub(crate) fn of_vault(device: &Device) -> Vec<Needle> {
    let runtime = Runtime::new().unwrap();
    let secrets = runtime.block_on(secrets(&device.home, &device.passcode())).unwrap();
    let key = secrets.iter().find(|(name, _)| *name == "the database key").unwrap().1;
    let rows = runtime.block_on(seeds_in(&device.home.join("vault.db"), &key));
    let needle = |(name, key): &(&str, [u8; 32])| {
        let needle = Needle::key(&format!("{name} of {}", device.user), key);
        assert!(!name.contains("seed") || needle.is_in(&rows), "control: {name} is in the database");
        needle
    };
    secrets.iter().map(needle).collect()
}

/// Every seed in a database that this key opens.
async fn seeds_in(database: &Path, key: &[u8; 32]) -> Vec<u8> {
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let options = SqliteConnectOptions::new().filename(database).pragma("key", format!("\"x'{hex}'\""));
    let mut connection = options.connect().await.unwrap();
    let rows = sqlx::query("SELECT key_seed FROM device UNION ALL SELECT key_seed FROM issuer");
    let rows = rows.fetch_all(&mut connection).await.expect("the key opens the database");
    connection.close().await.unwrap();
    rows.iter().flat_map(|row| row.get::<Vec<u8>, _>(0)).collect()
}

/// The relay's own keys. Control: the same search finds them in their files.
pub(crate) fn of_relay(folder: &Path) -> Vec<Needle> {
    ["relay-ed25519.key", "relay-p256.key"]
        .map(|name| {
            let file = fs::read(folder.join(name)).unwrap();
            // The secret is the end of their PKCS #8 form.
            let needle = Needle::key(name, &file[file.len() - 32..]);
            assert!(needle.is_in(&file), "control: it is in its file");
            needle
        })
        .to_vec()
}
