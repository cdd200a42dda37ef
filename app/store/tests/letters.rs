//! Letters that take back, alarms, and what letters know of the nights before.

use super::super::alarms::{Alarm, News};
use super::*;
use crate::night::Said;

on_both! {
    a_letter_that_only_corrects_waits_for_something_to_correct
    an_alarm_is_told_once_again_when_it_changes_and_when_it_is_over
    what_tonight_wrote_before_is_no_history
    a_letter_that_is_held_waits_for_its_time
}

async fn a_letter_that_only_corrects_waits_for_something_to_correct(city: City) {
    let queue = async |letters: &[Letter]| {
        city.store.queue(night(1), &at(0).now, letters).await.expect("they are queued");
        let mut told: Vec<(String, String)> =
            city.store.letters(None, 9).await.expect("they read").into_iter().map(|it| (it.subject, it.state)).collect();
        told.reverse();
        told.into_iter().map(|(subject, state)| format!("{subject} {state}")).collect::<Vec<_>>()
    };
    let nothing = || Letter { only_corrects: true, ..letter("nothing") };
    assert!(queue(&[nothing()]).await.is_empty(), "nobody was told anything");
    queue(&[letter("a")]).await;
    assert_eq!(queue(&[nothing()]).await, ["subject superseded"], "what waits is taken back, and nothing is sent");
    assert_eq!(queue(&[letter("a")]).await, ["subject superseded", "subject queued"], "the same once more is no repetition");
    let due = city.store.lease_letter(None, "one", &at(1)).await.expect("it reads").expect("it is due");
    assert!(city.store.letter_sent(due.id, "one", &Sent::Taken("250 ok".into()), minute).await.expect("kept"));
    assert_eq!(queue(&[letter("a")]).await.len(), 2, "the same again changes nothing");
    let corrected = queue(&[nothing()]).await;
    assert_eq!(corrected, ["subject superseded", "subject sent", "[corrected] subject queued"]);
    assert_eq!(queue(&[nothing()]).await, corrected);
}

async fn an_alarm_is_told_once_again_when_it_changes_and_when_it_is_over(city: City) {
    let alarm = |mark: &str| Alarm { key: "disk".into(), mark: mark.into(), told: Said { zh: "磁盘".into(), en: "disk".into() } };
    let look = async |day: u32, found: &[Alarm]| -> (usize, usize, usize) {
        let tell = |_: &News| Ok::<_, StoreError>(vec![Letter { kind: crate::mail::kind::Kind::Alarm, ..letter(&format!("{day}")) }]);
        let news = city.store.alarms(night(day), &at(0).now, found, tell).await.expect("it is looked at");
        (news.new.len(), news.over.len(), city.store.letters(None, 99).await.expect("they read").len())
    };
    assert_eq!(look(1, &[]).await, (0, 0, 0));
    assert_eq!(look(1, &[alarm("short")]).await, (1, 0, 1));
    assert_eq!(look(2, &[alarm("short")]).await, (0, 0, 1), "it is known");
    assert_eq!(look(2, &[alarm("shorter")]).await, (1, 0, 2));
    assert_eq!(look(2, &[alarm("none")]).await, (0, 0, 2), "once a day");
    assert_eq!(look(3, &[alarm("none")]).await, (1, 0, 3));
    assert_eq!(look(3, &[]).await, (0, 1, 4), "beside the letter of the day");
    assert_eq!(look(3, &[]).await, (0, 0, 4));
    assert_eq!(look(4, &[alarm("short")]).await, (1, 0, 5), "it is back");
}

async fn what_tonight_wrote_before_is_no_history(city: City) {
    for (day, found) in [(1, &[("p-a", 1), ("p-b", 1)][..]), (2, &[("p-a", 1)]), (3, &[("p-a", 1), ("p-c", 1)])] {
        let folded = city.folded(night(day), found).await;
        keep(&city.store, night(day), &[], &[], &folded).await.expect("the night is kept");
    }
    let history = city.store.history(night(3), &Calendar::shipped()).await.expect("it reads");
    assert_eq!(history.nights, [night(1), night(2)]);
    let told: Vec<(NaiveDate, What)> = history.events.iter().map(|it| (it.night, it.what)).collect();
    assert_eq!(told, [(night(1), What::Opened), (night(1), What::Opened), (night(2), What::Cured)]);
}

async fn a_letter_that_is_held_waits_for_its_time(city: City) {
    use crate::mail::kind::Kind;
    let until = |minute: u32| chrono::DateTime::parse_from_rfc3339(&at(minute).now).expect("an instant").to_utc();
    let held = Letter { not_before: Some(until(20)), ..letter("held") };
    let late = Letter { not_before: Some(until(1)), kind: Kind::Weekly, ..letter("its time was over when it was written") };
    city.store.queue(night(1), &at(5).now, &[held, late]).await.expect("they are queued");
    let counted = async |minute: u32| city.store.letter_counts(&at(minute).now).await.expect("counted");
    let many = |state: &str, it: u64| (state.to_owned(), it);
    assert_eq!(counted(6).await, [many("held", 1), many("queued", 1)]);
    let lease = async |kind, minute: u32| {
        let letter = city.store.lease_letter(kind, "one", &at(minute)).await.expect("it reads");
        letter.map(|it| (it.id, it.kind, it.due_at))
    };
    assert_eq!(lease(Some(Kind::Nightly), 6).await, None);
    let (id, kind, _) = lease(None, 6).await.expect("what is late goes at once");
    assert_eq!(kind, "weekly");
    assert!(city.store.letter_sent(id, "one", &Sent::Taken("250 ok".into()), minute).await.expect("kept"));
    assert_eq!(lease(None, 19).await, None, "not yet");
    let unsent = async |minute: u32| {
        let it = city.store.letters_unsent(&at(minute).now, &at(minute).now).await.expect("counted");
        (it.waiting, it.oldest)
    };
    assert_eq!(unsent(19).await, (0, None), "what is held is not stuck");
    assert_eq!(lease(Some(Kind::Weekly), 20).await, None, "of another kind");
    let (_, kind, due_at) = lease(Some(Kind::Nightly), 20).await.expect("it is time");
    assert_eq!((kind.as_str(), due_at), ("nightly", at(20).now));
    assert_eq!(counted(20).await, [many("queued", 1), many("sent", 1)]);
    assert_eq!(unsent(21).await, (1, Some(at(20).now)), "and now it waits");
}
