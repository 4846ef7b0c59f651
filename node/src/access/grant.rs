//! The proof that one operation was permitted, which reads, writes, deliveries and exports require.
//!
//! A grant cannot be made, copied or kept by hand: it is consumed with the operation it was given for.
//!
//! ```
//! use chukei_node::access::grant::{Grant, Read};
//! fn used_once(grant: Grant<Read>) -> Grant<Read> {
//!     grant
//! }
//! ```
//! ```compile_fail,E0382
//! use chukei_node::access::grant::{Grant, Read};
//! fn used_twice(grant: Grant<Read>) -> [Grant<Read>; 2] {
//!     [grant, grant]
//! }
//! ```
//! ```compile_fail,E0624
//! use chukei_node::access::grant::{Grant, Read};
//! use chukei_node::access::scope::BodyScope;
//! fn forged(scope: BodyScope) -> Grant<Read> {
//!     Grant::new(scope, "copy_show", None)
//! }
//! ```

use std::marker::PhantomData;
use std::sync::Arc;

use chukei_wire::result::ResultName;

use crate::access::asked::{Asked, Learnt};
use crate::access::facts::Inquiry;
use crate::access::scope::BodyScope;
use crate::hosted::HostedBody;

/// Marker: stored data may be opened.
#[derive(Debug)]
pub struct Read;
/// Marker: stored data may be changed (and opened, to change it).
#[derive(Debug)]
pub struct Write;
/// Marker: opened data may leave the body, to the person it concerns.
#[derive(Debug)]
pub struct Deliver;
/// Marker: opened data may leave the system, to the body it belongs to.
#[derive(Debug)]
pub struct Export;
/// Marker: no stored content is touched.
#[derive(Debug)]
pub struct Operate;

/// Leave to do one operation within one scope.
pub struct Grant<E, S = BodyScope> {
    scope: S,
    action: &'static str,
    /// What it was decided on; `None` for the node's own duty.
    asked: Option<Arc<Asked>>,
    effect: PhantomData<E>,
}

/// Effects under which stored data may be opened.
pub trait MayRead: sealed::Sealed {}
impl MayRead for Read {}
impl MayRead for Write {}
impl MayRead for Deliver {}
impl MayRead for Export {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Read {}
    impl Sealed for super::Write {}
    impl Sealed for super::Deliver {}
    impl Sealed for super::Export {}
}

impl<E, S> Grant<E, S> {
    pub(super) fn new(scope: S, action: &'static str, asked: Option<Arc<Asked>>) -> Self {
        Self { scope, action, asked, effect: PhantomData }
    }

    /// Says what is known by now of the operation: whom it opens or reaches, and which datasets. Before anything of
    /// theirs is opened or released; what is refused here goes no further.
    pub fn learn(&self, learnt: Learnt<'_>) -> Result<(), ResultName> {
        self.asked.as_ref().map_or(Ok(()), |asked| asked.learn(learnt))
    }

    /// What it was last decided on; `None` for the node's own duty.
    pub(crate) fn inquiry(&self) -> Option<Arc<Inquiry>> {
        self.asked.as_ref().map(|asked| asked.inquiry())
    }

    /// Whether the one who asks may see what is of this affair.
    pub fn sees(&self, affair: &str) -> bool {
        let asked = self.asked.as_ref();
        asked.is_none_or(|asked| affair.parse().is_ok_and(|affair| asked.sees(affair)))
    }

    /// The scope it was given for.
    pub fn scope(&self) -> &S {
        &self.scope
    }

    /// The action it was given for.
    pub fn action(&self) -> &'static str {
        self.action
    }
}

impl<E> Grant<E> {
    /// The body it was given for.
    pub fn body(&self) -> &HostedBody {
        self.scope.body()
    }
}

/// Leave for the node's own duty: bookkeeping of deliveries and expiry.
pub(crate) fn duty_write(scope: &BodyScope, action: &'static str) -> Grant<Write> {
    Grant::new(scope.clone(), action, None)
}

/// Leave for the node's own duty: a registered notice goes to its targets.
pub(crate) fn duty_deliver(scope: &BodyScope, action: &'static str) -> Grant<Deliver> {
    Grant::new(scope.clone(), action, None)
}
