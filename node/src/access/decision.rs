//! The decision on one operation, and the proof of it that reads, writes and deliveries require.
//!
//! Today's rule is the endpoint table: an operation is permitted to whom its line names, for their own body.
//! A grant cannot be made, copied or kept by hand: it is consumed with the operation it was given for.

use std::marker::PhantomData;

use chukei_wire::header::Kind;
use chukei_wire::result::ResultName;

use crate::access::endpoint::{Effect, Endpoint, endpoint};
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

/// Leave to do one operation within one scope.
pub struct Grant<E> {
    scope: BodyScope,
    action: &'static str,
    effect: PhantomData<E>,
}

/// Effects under which stored data may be opened.
pub trait MayRead: sealed::Sealed {}
impl MayRead for Read {}
impl MayRead for Write {}
impl MayRead for Deliver {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Read {}
    impl Sealed for super::Write {}
    impl Sealed for super::Deliver {}
}

impl<E> Grant<E> {
    fn new(scope: BodyScope, action: &'static str) -> Self {
        Self { scope, action, effect: PhantomData }
    }

    /// The scope it was given for.
    pub fn scope(&self) -> &BodyScope {
        &self.scope
    }

    /// The body it was given for.
    pub fn body(&self) -> &HostedBody {
        self.scope.body()
    }

    /// The action it was given for.
    pub fn action(&self) -> &'static str {
        self.action
    }
}

/// A permitted operation, by its effect.
pub enum Decision {
    /// Read.
    Read(Grant<Read>),
    /// Write.
    Write(Grant<Write>),
    /// Deliver.
    Deliver(Grant<Deliver>),
}

/// Decides whether `scope` may do what `kind` asks for.
pub fn decide(scope: &BodyScope, kind: Kind) -> Result<Decision, ResultName> {
    let line: &Endpoint =
        scope.entrance().and_then(|entrance| endpoint(kind, entrance)).ok_or(ResultName::NotPermitted)?;
    Ok(match line.effect {
        Effect::Read => Decision::Read(Grant::new(scope.clone(), line.action)),
        Effect::Write => Decision::Write(Grant::new(scope.clone(), line.action)),
        Effect::Deliver => Decision::Deliver(Grant::new(scope.clone(), line.action)),
    })
}

/// Leave for the node's own duty: bookkeeping of deliveries and expiry.
pub(crate) fn duty_write(scope: &BodyScope, action: &'static str) -> Grant<Write> {
    Grant::new(scope.clone(), action)
}

/// Leave for the node's own duty: a registered notice goes to its targets.
pub(crate) fn duty_deliver(scope: &BodyScope, action: &'static str) -> Grant<Deliver> {
    Grant::new(scope.clone(), action)
}
