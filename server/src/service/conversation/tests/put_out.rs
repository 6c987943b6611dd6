//! What one hears whom a commit declared out, once others have closed the log.

use wardline_proto::in_place::{arm, disarm};

use super::owed::{Asking, event, silence};
use super::*;

/// The doctor lets the locum and the porter in as well, as entry 2, which all have.
async fn two_more(asking: &Asking) -> [Installation; 2] {
    let ward = &asking.ward;
    let certified =
        |user| Installation::certified(&ward.founded.issuer, &ward.founded.entropy, user, Role::Clinician);
    let new = [certified("locum-c"), certified("porter-d")];
    let mut references = Vec::new();
    for (device, request) in new.iter().zip(2..) {
        references.push(ward.package_of(device, request).await.as_ref().try_into().unwrap());
    }
    let joins = [new[0].device, new[1].device];
    let mut sorted = joins;
    sorted.sort_unstable();
    let roster = [ward.doctor.device, ward.nurse.device, joins[0], joins[1]];
    let mut data = declares(&sorted, &roster);
    data.seen_number = 1;
    let mut request = committing(&ward.doctor, 1, data);
    request.welcome = craft::welcome(Suite::X25519.code(), &references).into();
    assert_eq!(ward.commit(&ward.doctor, request).await.unwrap().number, 2);
    for device in [&ward.nurse, &new[0], &new[1]] {
        asking.ack(device, 2).await;
    }
    new
}

/// The porter's stream, on which it has heard that it is out, when the nurse and the locum have closed the log; and what the
/// porter says of it.
async fn closed_by_others() -> (Asking, Installation, EventStream, pb::SignedStatement) {
    let asking = Asking::begin().await;
    let [locum, porter] = two_more(&asking).await;
    let (doctor, nurse) = (&asking.ward.doctor, &asking.ward.nurse);
    let (mut doctors, mut porters) = (asking.stream(doctor, 2).await, asking.stream(&porter, 2).await);
    let mut data = declares(&[], &[doctor.device]);
    let mut out = [nurse.device, locum.device, porter.device];
    out.sort_unstable();
    data.leaves = out.iter().map(|device| device.to_wire()).collect();
    let request = committing(doctor, 2, data);
    assert_eq!(asking.ward.commit(doctor, request.clone()).await.unwrap().number, 3);
    assert!(matches!(event(&mut porters).await, Event::Entry(entry) if entry.number == 3));
    assert!(matches!(event(&mut porters).await, Event::Removed(_)));
    for device in [nurse, &locum] {
        asking.report(device, asking.stuck(device, 3, &request.commit)).await.unwrap();
    }
    while !matches!(event(&mut doctors).await, Event::Closed(_)) {}
    silence(&mut porters).await;
    let said = asking.stuck(&porter, 3, &request.commit);
    (asking, porter, porters, said)
}

#[tokio::test]
async fn who_says_it_a_moment_after_others_have_closed_the_log_is_told_that_it_is_closed() {
    let (asking, porter, mut porters, said) = closed_by_others().await;
    let refused = asking.report(&porter, said.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), "CONVERSATION_CLOSED");
    let Event::Closed(closed) = event(&mut porters).await else { panic!("the end of the log") };
    assert_eq!((closed.number, closed.reports.len()), (3, 2));
    silence(&mut porters).await;
    // Without the guard it stands still until its next stream.
    let (asking, porter, mut porters, said) = closed_by_others().await;
    arm("mutant.closed_untold");
    let refused = asking.report(&porter, said).await.unwrap_err();
    disarm("mutant.closed_untold");
    assert_eq!(reason(&refused), "CONVERSATION_CLOSED");
    silence(&mut porters).await;
}
