//! Runs one row: prepares it, looks at what the relay keeps, makes the bad call, looks again, makes the right one.

use std::sync::atomic::Ordering;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::Status;
use tonic_types::StatusExt as _;
use wardline_client_core::relay::{ClientIdentity, Relay as _, RelayConnection, RelayError};
use wardline_proto::{Reason, relay::GetOrganisationRequest};

use crate::{
    database::Content,
    house::{Caller, House},
    rows::{
        Attempt, Expected, Kept, Row, Trial,
        path::{COMMIT, SEND},
    },
    wire::{Outcome, Payload},
};

/// Why a row failed.
type Why = String;

pub(crate) async fn run(house: &House, row: &Row) -> Result<(), Why> {
    match &row.attempt {
        Attempt::Call(prepare) => {
            let trial = prepare(house).await;
            call(house, row, &trial).await
        }
        Attempt::Connect(identity) => connect(house, row, identity(house)).await,
        Attempt::Hello => hello(house, row).await,
    }
}

async fn call(house: &House, row: &Row, trial: &Trial) -> Result<(), Why> {
    let (caller, bad) = &trial.bad;
    let wire = house.wire(*caller).await;
    house.database.settled().await;
    let (before, memory) = (house.database.content().await, house.peak_memory_kib());

    let outcome = wire.call(row.path, bad).await;
    let Outcome::Refused(status) = outcome else { return Err("it was accepted".to_owned()) };
    answered(row.expected, &status)?;
    kept(row.kept, &before, &house.database.content().await)?;
    if let (Some(most), Payload::Endless { sent, .. }) = (trial.taken_at_most, bad) {
        let (taken, grown) = (sent.load(Ordering::SeqCst), house.peak_memory_kib().saturating_sub(memory));
        if taken > most || grown * 1_024 > most {
            return Err(format!("{taken} bytes were taken, and {grown} KiB held"));
        }
    }

    // Its control; over the same connection, which a refusal does not end.
    if let Some((caller, good)) = &trial.good {
        let path = trial.good_path.unwrap_or(row.path);
        match house.wire(*caller).await.call(path, good).await {
            // That the look above sees what is stored.
            Outcome::Accepted if [SEND, COMMIT].contains(&path) => {
                if house.database.content().await == before {
                    return Err("made right it is not seen either".to_owned());
                }
            }
            Outcome::Accepted => {}
            Outcome::Refused(status) => return Err(format!("made right it is refused too: {status:?}")),
        }
    }
    Ok(())
}

/// Code, reason and what goes with the reason.
fn answered(expected: Expected, status: &Status) -> Result<(), Why> {
    let details = status.get_error_details();
    let info = details.error_info();
    let reason = info.map(|info| (info.domain.clone(), info.reason.clone()));
    let Expected::Status(code, expected) = expected else { return Err(format!("a status: {status:?}")) };
    let wanted = expected.map(|reason| (Reason::DOMAIN.to_owned(), reason.to_string()));
    if status.code() != code || reason != wanted {
        return Err(format!("{:?} {reason:?}: {}", status.code(), status.message()));
    }
    let goes_with = match expected {
        Some(Reason::FieldInvalid) => details
            .bad_request()
            .is_some_and(|bad| bad.field_violations.iter().all(|one| !one.field.is_empty())),
        Some(Reason::CommitRate) => details.retry_info().is_some_and(|info| info.retry_delay.is_some()),
        Some(Reason::SuccessorExists) => info.is_some_and(|info| info.metadata.contains_key("successor")),
        Some(Reason::IssuersConflict) => info.is_some_and(|info| info.metadata.contains_key("number")),
        Some(Reason::EpochConflict) => info.is_some_and(|info| info.metadata.contains_key("epoch")),
        _ => true,
    };
    if goes_with { Ok(()) } else { Err(format!("without what goes with its reason: {details:?}")) }
}

fn kept(kept: Kept, before: &Content, after: &Content) -> Result<(), Why> {
    let changed: Vec<&str> = before
        .iter()
        .filter(|(table, digest)| after.get(*table) != Some(digest))
        .map(|(table, _)| table.as_str())
        .collect();
    let expected = match kept {
        Kept::Nothing => Vec::new(),
        Kept::Only(table, _) => vec![table],
    };
    if changed == expected { Ok(()) } else { Err(format!("the relay's tables changed: {changed:?}")) }
}

async fn connect(house: &House, row: &Row, identity: ClientIdentity) -> Result<(), Why> {
    let before = house.database.content().await;
    // With TLS 1.3 the relay judges the certificate afterwards: the first call says so at the latest.
    let refused = match RelayConnection::connect(&house.options(Some(identity))).await {
        Ok(connection) => connection.get_organisation(GetOrganisationRequest {}).await.err(),
        Err(error) => Some(error),
    };
    let Expected::Closed(expected) = row.expected else { return Err("no reason".to_owned()) };
    match refused {
        Some(RelayError::Refused { reason, .. }) if reason == expected => {}
        other => return Err(format!("{other:?}")),
    }
    kept(row.kept, &before, &house.database.content().await)?;
    let control = house.connect(Caller::Doctor).await.get_organisation(GetOrganisationRequest {}).await;
    control.map(|_| ()).map_err(|error| format!("a good one is refused too: {error:?}"))
}

async fn hello(house: &House, row: &Row) -> Result<(), Why> {
    let mut stream = TcpStream::connect(house.address).await.expect("a connection");
    stream.write_all(&client_hello_tls12()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let Expected::Alert(alert, _) = row.expected else { return Err("no alert".to_owned()) };
    // A record of type alert, fatal (RFC 8446 §6.2).
    if answer.first() == Some(&0x15) && answer.get(5..) == Some(&[0x02, alert]) {
        return Ok(());
    }
    Err(format!("{answer:02x?}"))
}

/// A ClientHello as TLS 1.2 clients send it: no `supported_versions`.
fn client_hello_tls12() -> Vec<u8> {
    let extensions: &[u8] = &[
        0x00, 0x0a, 0x00, 0x06, 0x00, 0x04, 0x00, 0x1d, 0x00, 0x17, // groups: X25519, P-256
        0x00, 0x0b, 0x00, 0x02, 0x01, 0x00, // uncompressed points
        0x00, 0x0d, 0x00, 0x06, 0x00, 0x04, 0x08, 0x07, 0x04, 0x03, // signatures: Ed25519, ECDSA P-256
        0x00, 0x10, 0x00, 0x05, 0x00, 0x03, 0x02, b'h', b'2', // ALPN
    ];
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("short").to_be_bytes();
    let random = [0x5a; 32];
    // Version 3.3, no session, ECDHE-ECDSA with AES-GCM, no compression.
    let hello = [
        &[0x03, 0x03][..],
        &random,
        &[0x00, 0x00, 0x04, 0xc0, 0x2b, 0xc0, 0x2c, 0x01, 0x00],
        &length(extensions),
        extensions,
    ]
    .concat();
    let handshake = [&[0x01, 0x00], &length(&hello)[..], &hello].concat();
    [&[0x16, 0x03, 0x01], &length(&handshake)[..], &handshake].concat()
}
