//! From the order to the answer, and to the last conversation that the device is out of.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use tempfile::TempDir;
use wardline_client_core::{
    api::{Act, Answer, Client, Command, Reach},
    relay::TransportChoice,
};

use super::{PATIENCE, changed};
use crate::{
    Place,
    bare::{Log, Row},
    figure::{Aim, Figure, Quantity},
    samples::{Samples, millis},
    scale::Scale,
    ward::Ward,
};

/// Bytes of the bare row: a signed list with one act.
const ROW_BYTES: usize = 600;
/// How often the status is asked for at first; then after each tenth of the time: to ask costs what it looks at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

const WHY_LATE: &str = "One member makes all the changes, one conversation after the other: each is an MLS commit with its vault \
    transactions, the relay's, and the entry back, and its client keeps one core busy. A profile shows four parts: signatures and \
    X-Wing of the new path for nine members that never spoke; the groups' states, written as lists of numbers; SQLCipher, which locks \
    and unlocks the memory of every allocation; and, before the first change, a look through all conversations by the new list. To \
    mend: MLS over a faster provider, states as bytes, locked memory in one piece, several conversations side by side.";
const WHY: &str = "More is durable than one row: the signed list in the administrator's vault before it leaves (or a crash would lose \
    which list it has signed), the relay's transaction, in which 200 KeyPackages lose their bytes, and the answer in the vault; and six calls \
    cross the network. What grows with the conversations is the relay's: for each a fence, a removal that is owed, its routing and a line in \
    the signed answer.";

/// The figures.
pub(super) async fn run(scale: Scale, place: &Place) -> Result<Vec<Figure>> {
    let ward = Ward::founded(place).await?;
    let lost: Vec<String> = scale.revoked_in.iter().map(|count| format!("locum-{count}")).collect();
    let mut users = lost.clone();
    users.extend((1..scale.people).map(|number| format!("nurse-{number}")));
    let devices = ward.enrol(&users).await?;
    let (lost, staff) = devices.split_at(lost.len());
    let online = staff[0].open(TransportChoice::Auto).await?;
    let mut figures = Vec::new();
    for (device, count) in lost.iter().zip(scale.revoked_in) {
        for number in 0..count {
            let with = staff[1..].iter().chain([device]).map(|one| one.user.clone()).collect();
            let name = format!("Ward {count}.{number}");
            changed(&online, Command::ConversationCreate { name, with, suite: None }).await?;
            eprint!("\r  {} of {count} conversations ", number + 1);
        }
        eprintln!();
        let client = device.open(TransportChoice::Auto).await?;
        client.execute(Command::Sync, Reach::Online).await?;
        client.close().await?;
        let bare = bare_commits(&place.folder, scale.rows_alone).await?;
        let (answered, closed) = revoke(ward.office(), &device.user, count).await?;
        figures.extend(self::figures(count, answered, closed, &bare));
    }
    online.close().await?;
    Ok(figures)
}

/// One device is revoked: how long until the answer, and from there until it is out of all its conversations.
async fn revoke(office: &Client, user: &str, count: usize) -> Result<(Duration, Duration)> {
    let act = Act { kind: "revoked".to_owned(), reason: "lost".to_owned(), even_own: false };
    let begun = Instant::now();
    let order = Command::AdminUserAct { user: user.to_owned(), act };
    let Answer::Acts(acts) = office.execute(order, Reach::Online).await? else {
        bail!("an order became something else");
    };
    let answered = begun.elapsed();
    ensure!(acts.devices.len() == 1 && acts.devices[0].conversations == Some(count), "{acts:?}");
    loop {
        let ask = Command::AdminDeviceStatus { device: acts.devices[0].device.clone() };
        let Answer::DeviceStatus(status) = office.execute(ask, Reach::Online).await? else {
            bail!("a status became something else");
        };
        if status.removed == count {
            return Ok((answered, begun.elapsed().saturating_sub(answered)));
        }
        ensure!(begun.elapsed() < PATIENCE, "only {} of {count} are closed", status.removed);
        tokio::time::sleep(LOOK_EVERY.max(begun.elapsed() / 10)).await;
    }
}

/// What one row costs that is durable when it is answered, in milliseconds.
async fn bare_commits(folder: &Path, count: usize) -> Result<Samples> {
    let folder = TempDir::new_in(folder)?;
    let mut log = Log::create(&folder.path().join("bare.sqlite")).await?;
    let row = Row { body: Bytes::from(vec![7; ROW_BYTES]) };
    let mut samples = Samples::default();
    for _ in 0..count {
        let begun = Instant::now();
        log.append(&row).await?;
        samples.push_span(begun.elapsed());
    }
    Ok(samples)
}

fn figures(count: usize, answered: Duration, closed: Duration, bare: &Samples) -> [Figure; 2] {
    let conversations =
        if count == 1 { "1 conversation".to_owned() } else { format!("{count} conversations") };
    [
        Figure::new(
            Quantity::new(format!("revocation acknowledged, device in {conversations}"), millis(answered)),
            "ms",
            Quantity::new("one row, durable", bare.p50()),
            Aim::AtMost(3.0),
        )
        .taken(1, format!("The bound rests on {} rows.", bare.count()))
        .if_missed(WHY),
        Figure::new(
            Quantity::new(format!("last closure, device in {conversations}"), millis(closed)),
            "ms",
            Quantity::new("five seconds (published peer figures: 28 s to 64 s)", 5_000.0),
            Aim::AtMost(1.0),
        )
        .taken(
            count,
            format!("Looked at every {} ms, and after each tenth of the time.", LOOK_EVERY.as_millis()),
        )
        .if_missed(WHY_LATE),
    ]
}
