//! A share as text: nine lines that a person can read, print and, if it must be, type in again.
//!
//! What must hold: one form is written; spaces, empty lines and the case of hexadecimal digits do not matter
//! when it is read, everything else does; the sum over all other lines finds a mistyped or damaged one before
//! anything is combined. The sum is no secret and no authentication.

use std::fmt::Write as _;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use super::{Share, ShareSet};
use crate::hash::sha256;

/// Longest text of a share that is read, bytes.
pub const SHARE_TEXT_MAX: usize = 2 * 1024;

const KIND: &str = "chukei root share";
const VERSION: &str = "1";

/// Why a text is not taken for a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareTextError {
    /// Not the text of a share at all, or a line of it is missing or out of place.
    #[error("not the text of a share")]
    Malformed,
    /// A share of a form that this version does not know.
    #[error("a share of an unknown version")]
    Version,
    /// It was a share, but a line of it has changed.
    #[error("the share is damaged: a line does not read or the sum does not match")]
    Damaged,
}

impl Share {
    /// The share as text, line feed at the end. As secret as the share.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = self.summed();
        let sum = sum(&text);
        line(&mut text, "sum", &groups(&sum));
        text
    }

    /// Reads what [`Share::to_text`] wrote, at most [`SHARE_TEXT_MAX`] bytes.
    pub fn from_text(text: &str) -> Result<Self, ShareTextError> {
        if text.len() > SHARE_TEXT_MAX {
            return Err(ShareTextError::Malformed);
        }
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let version =
            lines.next().and_then(|line| line.strip_prefix(KIND)).ok_or(ShareTextError::Malformed)?;
        if version.trim() != VERSION {
            return Err(ShareTextError::Version);
        }
        let mut fields = Fields(lines);
        let owner = fields.text("owner")?.to_owned();
        let root = number(fields.text("root")?)?;
        let id = *fields.bytes("set")?;
        let threshold = number(fields.text("needed")?)?;
        let shares = number(fields.text("of")?)?;
        let index = number(fields.text("share")?)?;
        let value = fields.bytes("value")?;
        let check = *fields.bytes("check")?;
        let share = Self { set: ShareSet { id, owner, root, threshold, shares, check }, index, value };
        let written = fields.bytes::<8>("sum")?;
        if fields.0.next().is_some() {
            return Err(ShareTextError::Malformed);
        }
        // Limits after the sum: a number that was never written is damage.
        if *written != sum(&share.summed()) {
            return Err(ShareTextError::Damaged);
        }
        let fits = share.set.numbers_fit() && share.set.name_fits() && (1..=shares).contains(&index);
        if fits { Ok(share) } else { Err(ShareTextError::Malformed) }
    }

    /// Every line but the last.
    fn summed(&self) -> Zeroizing<String> {
        // Room for all of it, so that the secret never moves to a larger buffer.
        let mut text = Zeroizing::new(String::with_capacity(SHARE_TEXT_MAX));
        let set = &self.set;
        line(&mut text, KIND, VERSION);
        line(&mut text, "owner", &set.owner);
        line(&mut text, "root", &set.root.to_string());
        line(&mut text, "set", &groups(&set.id));
        line(&mut text, "needed", &set.threshold.to_string());
        line(&mut text, "of", &set.shares.to_string());
        line(&mut text, "share", &self.index.to_string());
        line(&mut text, "value", &groups(&self.value[..]));
        line(&mut text, "check", &groups(&set.check));
        text
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{name} {value}");
}

/// Hexadecimal in groups of four digits.
fn groups(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 3));
    for pair in bytes.chunks(2) {
        if !text.is_empty() {
            text.push(' ');
        }
        HEXLOWER.encode_append(pair, &mut text);
    }
    text
}

fn sum(text: &str) -> [u8; 8] {
    let mut sum = [0; 8];
    sum.iter_mut().zip(sha256(text.as_bytes())).for_each(|(to, from)| *to = from);
    sum
}

/// Decimal without sign or leading zeros: one form.
fn number<T: std::str::FromStr>(text: &str) -> Result<T, ShareTextError> {
    if text.starts_with(['0', '+']) {
        return Err(ShareTextError::Damaged);
    }
    text.parse().map_err(|_| ShareTextError::Damaged)
}

/// The lines that are still to be read, in their one order.
struct Fields<I>(I);

impl<'a, I: Iterator<Item = &'a str>> Fields<I> {
    fn text(&mut self, name: &str) -> Result<&'a str, ShareTextError> {
        let line = self.0.next().ok_or(ShareTextError::Malformed)?;
        let (found, value) = line.split_once(char::is_whitespace).ok_or(ShareTextError::Malformed)?;
        if found == name { Ok(value.trim()) } else { Err(ShareTextError::Malformed) }
    }

    fn bytes<const N: usize>(&mut self, name: &str) -> Result<Zeroizing<[u8; N]>, ShareTextError> {
        let text = self.text(name)?;
        let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
        digits.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let decoded = HEXLOWER_PERMISSIVE.decode(&digits).map(Zeroizing::new);
        let decoded = decoded.map_err(|_| ShareTextError::Damaged)?;
        let mut bytes = Zeroizing::new([0; N]);
        if decoded.len() != N {
            return Err(ShareTextError::Damaged);
        }
        bytes.copy_from_slice(&decoded);
        Ok(bytes)
    }
}
