//! What every engine behind the seam must do: one list of cases, which know nothing of the engine they are given.

pub(crate) mod lease;
pub(crate) mod limits;
pub(crate) mod moment;
pub(crate) mod pages;
pub(crate) mod rows;
pub(crate) mod space;

/// Makes a test of every case for one engine.
macro_rules! conformance {
    ($kind:expr) => {
        $crate::conformance::conformance! { $kind;
            rows: keeps_what_it_acknowledged_over_reopening;
            rows: get_many_answers_in_the_order_of_the_keys;
            rows: a_failed_precondition_fails_its_batch_alone_and_whole;
            rows: preconditions_see_the_batches_queued_before;
            rows: preconditions_are_checked_before_the_first_write;
            rows: a_version_never_comes_again_even_after_deletion;
            rows: rows_of_one_batch_share_a_version_and_batches_grow_it;
            rows: the_later_of_two_writes_in_a_batch_stands;
            rows: values_of_every_size_come_back_as_they_were;
            rows: a_dropped_future_does_not_take_the_batch_back;
            rows: dropping_the_last_handle_finishes_what_was_queued;
            rows: bodies_do_not_see_each_other;
            pages: scan_pages_through_one_prefix_only;
            pages: a_page_ends_where_its_bytes_are_reached;
            pages: pages_together_are_all_rows_in_order;
            pages: count_counts_what_begins_with_the_prefix;
            limits: everything_has_a_limit;
            limits: the_largest_batch_is_taken;
            limits: a_full_queue_gives_busy_and_loses_nothing_that_it_took;
            limits: names_that_are_none_are_refused;
            moment: r31_get_many_sees_a_batch_wholly_or_not_at_all;
            moment: r31_a_page_sees_a_batch_wholly_or_not_at_all;
            moment: what_is_acknowledged_is_seen;
            lease: the_epoch_grows_with_every_opening;
            lease: a_body_is_opened_once_while_it_is_held;
            lease: a_body_that_is_removed_is_gone_and_can_be_made_anew;
            lease: a_body_that_is_open_is_not_removed;
            lease: a_healthy_body_has_nothing_to_recover_from;
            space: usage_grows_with_what_is_stored;
            space: compaction_gives_back_what_it_says_while_the_body_serves;
        }
    };
    ($kind:expr; $($module:ident: $case:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            if let Some(stage) = crate::stage::Stage::new($kind).await {
                crate::conformance::$module::$case(&stage).await;
            }
        }
    )*};
}
pub(crate) use conformance;
