//! Patterns: exact counts while there is room, more than that where there is none, and nothing older than the windows.

use std::time::Duration;

use super::*;

fn person(number: u32) -> PersonKey {
    let mut key = [0; 16];
    key[..4].copy_from_slice(&number.to_be_bytes());
    key
}

#[tokio::test(start_paused = true)]
async fn r6_requests_of_one_identity_are_counted_for_a_minute() {
    let patterns = Patterns::default();
    for number in 1..=300 {
        assert_eq!(patterns.asked("one").requests_in_minute, number);
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert_eq!(patterns.asked("other").requests_in_minute, 1, "another identity's are its own");
    tokio::time::advance(Duration::from_secs(29)).await;
    assert_eq!(patterns.asked("one").requests_in_minute, 301, "none is a minute ago");
    tokio::time::advance(Duration::from_secs(62)).await;
    assert_eq!(patterns.asked("one").requests_in_minute, 1);
}

#[tokio::test(start_paused = true)]
async fn r6_distinct_persons_are_counted_once_and_for_ten_minutes_since_they_were_opened_last() {
    let patterns = Patterns::default();
    for number in 1..=301 {
        assert_eq!(patterns.opened("one", &[person(number)]).persons_in_ten_minutes, number);
        assert_eq!(patterns.opened("one", &[person(number), person(1)]).persons_in_ten_minutes, number);
    }
    tokio::time::advance(Duration::from_secs(300)).await;
    assert_eq!(patterns.opened("one", &[person(7)]).persons_in_ten_minutes, 301);
    tokio::time::advance(Duration::from_secs(299)).await;
    assert_eq!(patterns.so_far("one").persons_in_ten_minutes, 301, "none is ten minutes ago");
    tokio::time::advance(Duration::from_secs(21)).await;
    assert_eq!(patterns.so_far("one").persons_in_ten_minutes, 1, "one was opened again meanwhile");
    tokio::time::advance(Duration::from_secs(300)).await;
    assert_eq!(patterns.so_far("one").persons_in_ten_minutes, 0);
}

#[tokio::test(start_paused = true)]
async fn r6_persons_beyond_what_is_remembered_count_as_more_and_what_is_kept_is_bounded() {
    let patterns = Patterns::default();
    let all: Vec<PersonKey> = (0..5_000).map(person).collect();
    assert_eq!(patterns.opened("one", &all).persons_in_ten_minutes, 1_025);
    tokio::time::advance(Duration::from_secs(620)).await;
    assert_eq!(patterns.so_far("one").persons_in_ten_minutes, 0);
    assert_eq!(patterns.opened("one", &all[..3]).persons_in_ten_minutes, 3, "there is room again");
    for number in 0..20_000 {
        patterns.asked(&number.to_string());
    }
    assert_eq!(lock(&patterns.identities).len(), IDENTITIES_MAX.get());
    for number in 20_000..40_000 {
        assert_eq!(patterns.so_far(&number.to_string()), Pattern::default());
    }
    assert_eq!(patterns.so_far("3616").requests_in_minute, 1, "whom nobody but asks about displaces nobody");
    assert_eq!(patterns.so_far("3615").requests_in_minute, 0, "forgotten");
    assert_eq!(patterns.so_far("one").persons_in_ten_minutes, 0, "asked longest ago, forgotten");
}
