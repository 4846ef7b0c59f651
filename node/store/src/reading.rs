//! What a read gives: an answer that is there already, or one that is still on its way.
//!
//! A warm read of an embedded engine is over before anything could be woken; it must cost neither an allocation nor
//! another thread. Everything slower goes elsewhere and is waited for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::StoreError;
use crate::partition::BoxFuture;

/// A read that was begun. Dropping it changes nothing that is stored.
#[must_use = "a read does nothing for who does not wait for it"]
pub struct Reading<T>(State<T>);

enum State<T> {
    /// Taken once.
    Now(Option<Result<T, StoreError>>),
    Later(BoxFuture<Result<T, StoreError>>),
}

impl<T> Reading<T> {
    /// An answer that is there.
    pub fn now(answer: Result<T, StoreError>) -> Self {
        Self(State::Now(Some(answer)))
    }

    /// An answer that is waited for.
    pub fn later(answer: impl Future<Output = Result<T, StoreError>> + Send + 'static) -> Self {
        Self(State::Later(Box::pin(answer)))
    }

    /// Whether waiting for it waits for nothing.
    pub fn is_now(&self) -> bool {
        matches!(self.0, State::Now(_))
    }
}

// Nothing in it is pinned in place: the future is behind a box.
impl<T> Unpin for Reading<T> {}

impl<T> Future for Reading<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Now(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            State::Later(answer) => answer.as_mut().poll(context),
        }
    }
}

impl<T> fmt::Debug for Reading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_now() { "Reading(now)" } else { "Reading(later)" })
    }
}
