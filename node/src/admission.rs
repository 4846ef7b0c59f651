//! Admission: more than a role can do at once is answered OVERLOADED, never queued without bound (R40).
//!
//! Order of the tower layers, outermost first: shed around the limit; one semaphore that every kind of request
//! shares; a deadline. A body's own limit is a second, smaller semaphore inside, so that one body's flood leaves
//! room for the others. Work past its point of no return runs in a task of its own: the deadline drops futures.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use chukei_wire::frame::Outcome;
use chukei_wire::result::ResultName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;
use tower::{Service, ServiceBuilder, ServiceExt};

/// Milliseconds after which a shed caller may try again.
pub const RETRY_AFTER_MS: u32 = 200;

/// What a caller is told that may try again when the role, or the body, is ready.
pub const NOT_READY: Outcome = Outcome::RetryAfter(ResultName::NotReady, 1_000);

/// Why work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// Shed before anything began.
    Overloaded,
    /// The deadline passed.
    DeadlinePassed,
}

/// The semaphores of one role.
#[derive(Clone)]
pub struct Admission {
    shared: Arc<Semaphore>,
}

/// The semaphore of one body.
#[derive(Clone)]
pub struct BodyLimit(Arc<Semaphore>);

impl BodyLimit {
    /// At most `limit` requests of the body at once.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Semaphore::new(limit)))
    }
}

impl Admission {
    /// At most `limit` requests of the role at once.
    pub fn new(limit: usize) -> Self {
        Self { shared: Arc::new(Semaphore::new(limit)) }
    }

    /// Runs `work` under the limits, or says why not.
    pub async fn run<F, T>(&self, body: &BodyLimit, deadline: Duration, work: F) -> Result<T, NotDone>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let service = ServiceBuilder::new()
            .layer(LoadShedLayer::new())
            .layer(GlobalConcurrencyLimitLayer::with_semaphore(self.shared.clone()))
            .layer(LoadShedLayer::new())
            .layer(GlobalConcurrencyLimitLayer::with_semaphore(body.0.clone()))
            .layer(TimeoutLayer::new(deadline))
            .service(Perform);
        service.oneshot(work).await.map_err(|error| {
            if error.is::<tower::timeout::error::Elapsed>() {
                NotDone::DeadlinePassed
            } else {
                NotDone::Overloaded
            }
        })
    }
}

/// A place under both limits, for work that outlives the wait for it.
pub struct Turn {
    _shared: OwnedSemaphorePermit,
    _body: OwnedSemaphorePermit,
}

impl Admission {
    /// A place now, or none: the caller waits its turn elsewhere.
    pub fn turn(&self, body: &BodyLimit) -> Option<Turn> {
        let shared = self.shared.clone().try_acquire_owned().ok()?;
        let body = body.0.clone().try_acquire_owned().ok()?;
        Some(Turn { _shared: shared, _body: body })
    }
}

/// The innermost service: the request is the work itself.
struct Perform;

impl<F> Service<F> for Perform
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    type Response = F::Output;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<F::Output, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, work: F) -> Self::Future {
        Box::pin(async move { Ok(work.await) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    const LONG: Duration = Duration::from_secs(60);

    async fn occupy(admission: &Admission, body: &BodyLimit) -> tokio::task::JoinHandle<()> {
        let (started, begun) = tokio::sync::oneshot::channel();
        let (admission, body) = (admission.clone(), body.clone());
        let task = tokio::spawn(async move {
            let work = async move {
                started.send(()).unwrap();
                pending::<()>().await;
            };
            let _ = admission.run(&body, LONG, work).await;
        });
        begun.await.unwrap();
        task
    }

    #[tokio::test]
    async fn r40_sheds_at_the_shared_limit_and_recovers() {
        let (admission, first, second) = (Admission::new(1), BodyLimit::new(4), BodyLimit::new(4));
        let task = occupy(&admission, &first).await;
        assert_eq!(admission.run(&second, LONG, async {}).await, Err(NotDone::Overloaded));
        task.abort();
        let _ = task.await;
        assert_eq!(admission.run(&second, LONG, async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn r40_one_bodys_flood_leaves_room_for_another() {
        let (admission, flooding, other) = (Admission::new(8), BodyLimit::new(1), BodyLimit::new(1));
        let _task = occupy(&admission, &flooding).await;
        assert_eq!(admission.run(&flooding, LONG, async {}).await, Err(NotDone::Overloaded));
        assert_eq!(admission.run(&other, LONG, async { 7 }).await, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_ends_the_wait() {
        let (admission, body) = (Admission::new(1), BodyLimit::new(1));
        let done = admission.run(&body, Duration::from_millis(5), pending::<()>()).await;
        assert_eq!(done, Err(NotDone::DeadlinePassed));
    }
}
