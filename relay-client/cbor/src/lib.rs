//! Values as CBOR in its one form, and back: deterministic encoding (RFC 8949, 4.2.1), every map in the order of its keys.
//!
//! What must hold: what is signed, hashed or authenticated has a single form, whatever order a value tells its fields in;
//! the same bytes as `serde_ipld_dagcbor` writes, with which the tests compare. That writes each entry of each map into
//! memory of its own to sort them; here a value is written in one piece and only what is out of order is moved, which takes half
//! the time. Deliberately absent: floats, tags and what has no length beforehand, which no format here has.

mod order;

use cbor4ii::core::utils::BufWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;

use order::Order;

/// Room that most values need no more than.
const ROOM: usize = 384;

/// A value that has no form here, or bytes that are none of such a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not in the form of CBOR that is used here")]
pub struct NotInForm;

/// The one form of `value`.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, NotInForm> {
    behind(&[], value)
}

/// The one form of `value`, behind `prefix`.
pub fn behind<T: Serialize + ?Sized>(prefix: &[u8], value: &T) -> Result<Vec<u8>, NotInForm> {
    let mut bytes = Vec::with_capacity(prefix.len() + ROOM);
    bytes.extend_from_slice(prefix);
    let mut serializer = cbor4ii::serde::Serializer::new(BufWriter::new(bytes));
    value.serialize(&mut serializer).map_err(|_| NotInForm)?;
    let mut bytes = serializer.into_inner().into_inner();
    let written = bytes.get_mut(prefix.len()..).ok_or(NotInForm)?;
    Order::new().put(written).ok_or(NotInForm)?;
    Ok(bytes)
}

/// The value that `bytes` say, in whatever order: whoever needs its one form compares it with that.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotInForm> {
    serde_ipld_dagcbor::from_slice(bytes).map_err(|_| NotInForm)
}

#[cfg(test)]
mod tests;
