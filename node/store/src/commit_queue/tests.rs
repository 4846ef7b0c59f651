//! What the queue gives out, in which order, and when.

use std::sync::Arc;
use std::time::Duration;

use super::{CommitQueue, Next, PushError, QueueLimits, TaskQueue};

const LIMITS: QueueLimits = QueueLimits { items: 4, bytes: 100, group_items: 3, group_bytes: 50 };

fn queue() -> CommitQueue<u8> {
    CommitQueue::new(LIMITS)
}

fn group(queue: &CommitQueue<u8>) -> Vec<u8> {
    let mut group = Vec::new();
    assert!(queue.take_group(&mut group));
    group
}

#[test]
fn queue_is_bounded_in_items_and_in_bytes() {
    let by_items = queue();
    for item in 0..4 {
        assert_eq!(by_items.push(item, 1), Ok(()));
    }
    assert!(by_items.is_full());
    assert_eq!(by_items.push(4, 0), Err(PushError::Full));
    let by_bytes = queue();
    assert_eq!(by_bytes.push(0, 60), Ok(()));
    assert_eq!(by_bytes.push(1, 41), Err(PushError::Full));
    assert_eq!(by_bytes.push(1, 40), Ok(()));
    assert_eq!((group(&by_bytes), group(&by_bytes)), (vec![0], vec![1]));
    assert_eq!(by_bytes.push(2, 100), Ok(()), "what was taken out no longer counts");
}

#[test]
fn queue_lets_an_item_over_the_limit_through_alone() {
    let queue = queue();
    assert_eq!(queue.push(0, 1000), Ok(()));
    assert_eq!(queue.push(1, 1), Err(PushError::Full));
    assert_eq!(group(&queue), [0]);
}

#[test]
fn queue_groups_are_bounded_and_in_order() {
    let queue = queue();
    for (item, bytes) in [(0, 20), (1, 30), (2, 1), (3, 1)] {
        assert_eq!(queue.push(item, bytes), Ok(()));
    }
    assert_eq!(group(&queue), [0, 1], "bounded in bytes");
    assert_eq!(queue.push(4, 1), Ok(()));
    assert_eq!(queue.push(5, 1), Ok(()));
    assert_eq!(group(&queue), [2, 3, 4], "bounded in items");
    assert_eq!(queue.depth(), 1);
}

#[test]
fn queue_that_is_closed_gives_out_what_it_took_and_then_ends() {
    let queue = queue();
    assert_eq!(queue.push(0, 1), Ok(()));
    queue.close();
    assert_eq!(queue.push(1, 1), Err(PushError::Closed));
    assert_eq!(group(&queue), [0]);
    assert!(!queue.take_group(&mut Vec::new()));
}

const LONG: Duration = Duration::from_secs(3_600);

#[test]
fn queue_waits_no_longer_than_the_least_patient() {
    let queue = CommitQueue::new(QueueLimits { items: 8, bytes: 100, group_items: 8, group_bytes: 50 });
    assert_eq!(queue.push_within(0, 1, LONG), Ok(true));
    assert_eq!(queue.push_within(1, 1, LONG * 2), Ok(false), "nobody is woken for what may wait longer");
    assert!(matches!(queue.take_due(&mut Vec::new()), Next::Wait(Some(_))));
    assert_eq!(queue.push_within(2, 1, Duration::ZERO), Ok(true));
    assert_eq!(queue.push_within(3, 1, LONG), Ok(false));
    assert_eq!(group(&queue), [0, 1, 2, 3], "all that waits goes with it, in order");
    assert!(matches!(queue.take_due(&mut Vec::new()), Next::Wait(None)));
}

#[test]
fn queue_that_fills_or_ends_waits_for_nobody() {
    let queue = queue();
    assert_eq!(queue.push_within(0, 1, LONG), Ok(true));
    assert_eq!(queue.push_within(1, 1, LONG), Ok(true), "half of the places are taken");
    assert_eq!(group(&queue), [0, 1]);
    assert_eq!(queue.push_within(2, 1, LONG), Ok(true));
    queue.close();
    assert_eq!(group(&queue), [2]);
}

#[test]
fn queue_takes_what_is_due_when_its_time_has_come() {
    let queue = queue();
    assert_eq!(queue.push_within(0, 1, Duration::from_millis(1)), Ok(true));
    assert_eq!(group(&queue), [0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queue_of_a_task_gives_out_all_that_was_pushed_and_then_ends() {
    for _ in 0..200 {
        let queue = Arc::new(TaskQueue::new(LIMITS));
        let served = Arc::clone(&queue);
        let task = tokio::spawn(async move {
            let (mut all, mut group) = (0, Vec::new());
            while served.take_group(&mut group).await {
                all += group.drain(..).count();
            }
            all
        });
        let mut pushed = 0;
        for item in 0..10u8 {
            pushed += usize::from(queue.push(item, 1).is_ok());
        }
        queue.close();
        assert_eq!(queue.push(0, 1), Err(PushError::Closed));
        assert_eq!(task.await.unwrap(), pushed);
    }
}
