//! What messages say is sealed under the keys of their period: those of the vault, and the relay's.

use std::{fs, path::Path};

use wardline_identity::SystemEntropy;
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::{ConversationId, DeviceId, EntryNumber, Period, UtcMillis};
use zeroize::Zeroizing;

use super::{fresh, passcode};
use crate::vault::tables::messages::{self, MessageKind, MessageRow};
use crate::vault::tables::sealed_messages;
use crate::vault::{SealedVault, Vault, VaultError};

const WARD: ConversationId = ConversationId::from_bytes([1; 16]);
const SOON: Period = Period::from_minutes(1_000);
const LATER: Period = Period::from_minutes(2_000);

fn text(number: u64, period: Period, body: &str) -> MessageRow {
    MessageRow {
        conversation: WARD,
        number: EntryNumber::new(number),
        kind: MessageKind::Text,
        sender_user: "doctor-a".to_owned(),
        sender_name: "Dr A".to_owned(),
        sender_device: DeviceId::from_bytes([2; 16]),
        message: None,
        stamp: UtcMillis::new(1),
        expires: Some(period.end()),
        body: body.to_owned(),
    }
}

async fn keep(vault: &Vault, row: &MessageRow) -> Result<(), VaultError> {
    let mut tx = vault.begin("keep").await?;
    messages::insert_text(&mut tx, row, &SystemEntropy).await?;
    tx.commit().await
}

/// What can be read.
async fn texts(vault: &Vault) -> Vec<String> {
    let mut tx = vault.begin("texts").await.unwrap();
    let rows = messages::list(&mut tx, &WARD, EntryNumber::ZERO, 100).await.unwrap();
    tx.commit().await.unwrap();
    rows.into_iter().filter(|row| row.kind == MessageKind::Text).map(|row| row.body).collect()
}

/// A vault as it is once it has a pair, opened by its passcode alone for once.
async fn paired(folder: &Path) -> Vault {
    let sealed = SealedVault::read(folder).unwrap();
    let key = sealed.sealing().stretch(&passcode("right")).await.unwrap().alone();
    sealed.unseal(&key).unwrap().paired().open().await.unwrap()
}

fn secret(byte: u8) -> [(Period, Zeroizing<[u8; 32]>); 2] {
    [SOON, LATER].map(|period| (period, Zeroizing::new([byte; 32])))
}

/// P4: what the device destroys is enough, whatever pages of its database and secrets of the relay are kept.
async fn read_with_old_pages(guard: &'static str) -> Vec<String> {
    let (folder, vault) = fresh().await;
    vault.close().await.unwrap();
    let database = folder.path().join("vault.db");
    let vault = paired(folder.path()).await;
    vault.take_period_secrets(secret(7));
    keep(&vault, &text(1, SOON, "gone soon")).await.unwrap();
    keep(&vault, &text(2, LATER, "gone later")).await.unwrap();
    vault.close().await.unwrap();
    let pages = fs::read(&database).unwrap();
    let vault = paired(folder.path()).await;
    vault.take_period_secrets(secret(7));
    assert_eq!(texts(&vault).await, ["gone soon", "gone later"], "the control: before");
    arm(guard);
    vault.destroy_period_keys(SOON.end(), &SystemEntropy).unwrap();
    disarm(guard);
    vault.close().await.unwrap();
    fs::write(&database, pages).unwrap();
    let vault = paired(folder.path()).await;
    vault.take_period_secrets(secret(7));
    texts(&vault).await
}

#[tokio::test]
async fn the_newest_keys_open_nothing_that_is_over_in_any_page_of_before() {
    assert_eq!(read_with_old_pages("").await, ["gone later"]);
    let kept = read_with_old_pages("mutant.period_key_kept").await;
    assert_eq!(kept, ["gone soon", "gone later"], "the guard taken away");
}

#[tokio::test]
async fn without_the_relays_secret_nothing_is_opened_or_sealed() {
    let (folder, vault) = fresh().await;
    vault.close().await.unwrap();
    let vault = paired(folder.path()).await;
    let refused = keep(&vault, &text(1, SOON, "said")).await;
    assert!(matches!(refused, Err(VaultError::PeriodSecret { period: SOON })), "{refused:?}");
    vault.take_period_secrets(secret(7));
    keep(&vault, &text(1, SOON, "said")).await.unwrap();
    assert_eq!(texts(&vault).await, ["said"], "the control");
    vault.close().await.unwrap();
    let vault = paired(folder.path()).await;
    assert_eq!(texts(&vault).await, [""; 0], "the relay gave none");
    vault.take_period_secrets(secret(8));
    assert_eq!(texts(&vault).await, [""; 0], "the relay gave another");
    vault.close().await.unwrap();
    let vault = paired(folder.path()).await;
    vault.take_period_secrets(secret(7));
    vault.take_period_secrets(secret(8));
    assert_eq!(texts(&vault).await, ["said"], "what came first stays");
    vault.close().await.unwrap();
    arm("mutant.no_relay_part");
    let vault = paired(folder.path()).await;
    disarm("mutant.no_relay_part");
    keep(&vault, &text(2, SOON, "by this disk alone")).await.unwrap();
    assert_eq!(texts(&vault).await, ["by this disk alone"], "the guard taken away");
}

/// A key that was not written seals nothing; one that was destroyed stays so, and the file without it is written again.
#[tokio::test]
async fn a_disk_that_cannot_be_written_seals_nothing_and_destroys_all_the_same() {
    let (folder, vault) = fresh().await;
    keep(&vault, &text(1, SOON, "said")).await.unwrap();
    // Root writes anywhere: but no file over a folder.
    let beside = folder.path().join("vault.periods.writing");
    fs::create_dir(&beside).unwrap();
    fs::write(beside.join("in the way"), b"").unwrap();
    assert!(keep(&vault, &text(2, LATER, "not kept")).await.is_err());
    assert!(vault.destroy_period_keys(SOON.end(), &SystemEntropy).is_err());
    assert_eq!(texts(&vault).await, [""; 0], "out of memory at once");
    fs::remove_dir_all(&beside).unwrap();
    vault.destroy_period_keys(SOON.end(), &SystemEntropy).unwrap();
    keep(&vault, &text(2, LATER, "kept")).await.unwrap();
    vault.close().await.unwrap();
    let vault = Vault::unlock(folder.path(), &passcode("right")).await.unwrap();
    assert_eq!((texts(&vault).await, vault.periods()), (vec!["kept".to_owned()], vec![LATER]));
}

#[tokio::test]
async fn missing_or_damaged_keys_of_periods_are_named() {
    let (folder, vault) = fresh().await;
    vault.close().await.unwrap();
    let open = async || Vault::unlock(folder.path(), &passcode("right")).await;
    let vault = open().await.unwrap();
    keep(&vault, &text(1, SOON, "said")).await.unwrap();
    vault.close().await.unwrap();
    let file = folder.path().join("vault.periods");
    let good = fs::read(&file).unwrap();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 1;
        fs::write(&file, bad).unwrap();
        // One in eight is enough: each takes a derivation of the passcode's key.
        if place % 8 == 0 {
            let opened = open().await;
            assert!(matches!(opened, Err(VaultError::Corrupt { file: "periods" })), "{place}: {opened:?}");
        }
    }
    fs::remove_file(&file).unwrap();
    assert!(matches!(open().await, Err(VaultError::Corrupt { file: "periods" })));
    fs::write(&file, good).unwrap();
    assert_eq!(texts(&open().await.unwrap()).await, ["said"], "the control");
}

/// What is moved to another place opens nowhere.
#[tokio::test]
async fn a_body_opens_in_its_own_place_only() {
    let (_folder, vault) = fresh().await;
    // All the keys are there for each move.
    let elsewhere =
        MessageRow { conversation: ConversationId::from_bytes([9; 16]), ..text(7, LATER, "other") };
    keep(&vault, &elsewhere).await.unwrap();
    keep(&vault, &text(1, SOON, "said")).await.unwrap();
    let moves = [
        "UPDATE messages SET number = 2 WHERE number = 1",
        "UPDATE messages SET number = 1, expires_ms = 120000000 WHERE number = 2",
        "UPDATE messages SET conversation_id = x'01010101010101010101010101010101' WHERE number = 7",
    ];
    for (sql, left) in moves.into_iter().zip([0, 0, 0]) {
        let mut tx = vault.begin("move").await.unwrap();
        sqlx::query(sql).execute(tx.connection()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(texts(&vault).await.len(), left, "{sql}");
    }
    let mut tx = vault.begin("move").await.unwrap();
    sqlx::query("UPDATE messages SET expires_ms = 60000000 WHERE number = 1")
        .execute(tx.connection())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(texts(&vault).await, ["said"], "the control: where it was");
}

/// The key of a conversation goes with the last thing that is sealed under it, and the keys of a month are small.
#[tokio::test]
async fn keys_are_kept_for_what_is_sealed_and_for_nothing_else() {
    let (folder, vault) = fresh().await;
    keep(&vault, &text(1, SOON, "said")).await.unwrap();
    let length = || fs::metadata(folder.path().join("vault.periods")).unwrap().len();
    assert_eq!(length(), 24 + 10 + 36 + 48 + 16, "nonce, counts, one period, one conversation, tag");
    let mut tx = vault.begin("sealed").await.unwrap();
    let used = sealed_messages::sealed_in(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    vault.forget_conversation_keys(&used, &SystemEntropy).unwrap();
    assert_eq!(texts(&vault).await, ["said"], "the control: it is used");
    vault.destroy_period_keys(SOON.end(), &SystemEntropy).unwrap();
    vault.forget_conversation_keys(&[].into(), &SystemEntropy).unwrap();
    assert_eq!(length(), 24 + 10 + 16);
    // Thirty days of hours, in two hundred conversations.
    for number in 1..=720_u32 {
        let conversation = ConversationId::from_bytes([u8::try_from(number % 200).unwrap(); 16]);
        let row = text(number.into(), Period::from_minutes(number * 60), "said");
        keep(&vault, &MessageRow { conversation, ..row }).await.unwrap();
    }
    assert!(length() <= 36 * 1_024, "{} bytes", length());
}
