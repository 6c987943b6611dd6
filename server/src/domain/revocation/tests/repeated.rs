//! Claims about a list that comes again: it gets the answer that it got, and costs nothing.

use super::*;

#[tokio::test]
async fn the_same_list_again_gives_the_same_answer_and_does_nothing() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    let new = office.list(&[office.act(3, REVOKED, &ward)]);
    let first = office.publishes(&ward, &new.acts).await;
    ward.commit(1, 1, Says { leaves: &[3], roster: &[1, 2], ..Says::default() }).await.unwrap();
    ward.pass(3_600);
    let again = put(&ward, &new).await.unwrap();
    assert_eq!((again.adoption, again.touched), (Adoption::Known, vec![]));
    assert_eq!(again.answer, first.answer, "also when it is out by now");
    ward.post(1, 2).await.expect("no fence was raised again");
}

#[tokio::test]
async fn the_answer_is_given_again_when_another_list_has_come_since() {
    let (ward, mut one, other) = (Ward::with(&[1, 2, 3, 4]).await, Office::open(), Office::open());
    let (mine, theirs) = ([one.act(3, REVOKED, &ward)], [other.act(4, REVOKED, &ward)]);
    let (lost, fork) = (one.list(&mine), other.list(&theirs));
    let first = put(&ward, &lost).await.unwrap();
    one.register.adopt(lost.list.clone(), &mine).unwrap();
    one.publishes(&ward, &theirs).await;
    ward.pass(3_600);
    let again = put(&ward, &lost).await.unwrap();
    assert_eq!((again.adoption, again.touched), (Adoption::Known, vec![]));
    assert_eq!(again.answer, first.answer);
    // Only to that list: another machine's under its number was never in force.
    let refused = put(&ward, &fork).await;
    assert!(matches!(refused, Err(RevocationRefusal::Conflict { number: 2, acts: 2 })), "{refused:?}");
    arm("mutant.answered_once");
    let refused = put(&ward, &lost).await;
    disarm("mutant.answered_once");
    assert!(matches!(refused, Err(RevocationRefusal::Conflict { .. })), "the guard taken away: {refused:?}");
    let next = one.publishes(&ward, &[]).await;
    assert_eq!(next.adoption, Adoption::Newer, "the newest stood all the while");
}

#[tokio::test]
async fn nothing_is_looked_up_for_acts_that_come_beside_a_list_in_force() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    let first = office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    let known = office.register.list().unwrap().clone();
    // Who looks up what was done to the device finds that this cannot be.
    let invented = office.act(3, REINSTATED, &ward);
    let organisation = office.founded.organisation().id().clone();
    let beside = NewList { organisation, list: known, acts: vec![invented; 1_000] };
    let again = put(&ward, &beside).await.unwrap();
    assert_eq!((again.adoption, again.answer), (Adoption::Known, first.answer));
    arm("mutant.acts_first");
    let looked = put(&ward, &beside).await;
    disarm("mutant.acts_first");
    assert!(matches!(looked, Err(RevocationRefusal::List(_))), "the guard taken away: {looked:?}");
}
