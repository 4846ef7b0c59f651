//! The proof that one operation was permitted, which reads, writes, deliveries and exports require.
//!
//! A grant cannot be made, copied or kept by hand: it is consumed with the operation it was given for.

use std::marker::PhantomData;

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
    pub(super) fn new(scope: S, action: &'static str) -> Self {
        Self { scope, action, effect: PhantomData }
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
    Grant::new(scope.clone(), action)
}

/// Leave for the node's own duty: a registered notice goes to its targets.
pub(crate) fn duty_deliver(scope: &BodyScope, action: &'static str) -> Grant<Deliver> {
    Grant::new(scope.clone(), action)
}
