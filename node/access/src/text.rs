//! A policy text before it is parsed: limits, and where one policy ends and the next begins.
//!
//! The parser's and evaluator's work grows with nesting and length, so that both are bounded first.

use chukei_domain::individual_number;

use crate::error::{Fault, PolicyError};
use crate::limits::{NESTING_MAX, POLICIES_MAX, POLICY_MAX, TEXT_MAX};

/// One policy's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// From its first annotation to its semicolon.
    pub(crate) text: &'a str,
    /// Where it begins, from 1.
    pub(crate) line: u32,
}

/// Takes `text` apart into policies.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, PolicyError> {
    if text.len() > TEXT_MAX {
        return Err(PolicyError::new(Fault::TooLong));
    }
    if text.chars().any(is_unprintable) {
        return Err(PolicyError::new(Fault::Unprintable));
    }
    if individual_number::find(text) {
        return Err(PolicyError::new(Fault::ForbiddenIdentifier));
    }
    let mut scan = Scan::default();
    let mut pieces = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        if scan.takes(at, byte)? {
            let piece = scan.piece(text, at + 1)?;
            if pieces.len() == POLICIES_MAX {
                return Err(PolicyError::new(Fault::TooMany).at(piece.line));
            }
            pieces.push(piece);
        }
    }
    match scan.begins {
        None => Ok(pieces),
        Some((_, line)) => Err(PolicyError::new(Fault::Syntax).at(line).detailed("no semicolon at the end")),
    }
}

/// Characters that are not seen where the text is read before it is approved. Comments may hold any script.
fn is_unprintable(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    hidden || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// Where the scan stands: strings and comments hide brackets and semicolons.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Code,
    Slash,
    Comment,
    String,
    Escape,
}

#[derive(Default)]
struct Scan {
    within: Within,
    depth: usize,
    newlines: u32,
    /// Offset and line of the policy's first byte.
    begins: Option<(usize, u32)>,
}

impl Scan {
    /// Takes the byte at `at`; true where it ends a policy.
    fn takes(&mut self, at: usize, byte: u8) -> Result<bool, PolicyError> {
        self.newlines += u32::from(byte == b'\n');
        match (self.within, byte) {
            (Within::Comment, b'\n' | b'\r') => self.within = Within::Code,
            (Within::Comment, _) => {}
            (Within::String, b'\\') => self.within = Within::Escape,
            (Within::String, b'"') => self.within = Within::Code,
            (Within::String, _) => {}
            (Within::Escape, _) => self.within = Within::String,
            (Within::Slash, b'/') => {
                self.within = Within::Comment;
                self.begins = self.begins.filter(|(begins, _)| *begins + 1 != at);
            }
            (Within::Code | Within::Slash, _) => return self.code(at, byte),
        }
        Ok(false)
    }

    fn code(&mut self, at: usize, byte: u8) -> Result<bool, PolicyError> {
        self.within = match byte {
            b'"' => Within::String,
            b'/' => Within::Slash,
            _ => Within::Code,
        };
        if !byte.is_ascii_whitespace() && self.begins.is_none() {
            self.begins = Some((at, self.newlines + 1));
        }
        match byte {
            b'(' | b'[' | b'{' => {
                self.depth += 1;
                if self.depth > NESTING_MAX {
                    return Err(PolicyError::new(Fault::TooDeep).at(self.newlines + 1));
                }
            }
            b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            b';' => return Ok(true),
            _ => {}
        }
        Ok(false)
    }

    fn piece<'a>(&mut self, text: &'a str, end: usize) -> Result<Piece<'a>, PolicyError> {
        let (begins, line) = self.begins.take().unwrap_or((end, self.newlines + 1));
        self.depth = 0;
        if end - begins > POLICY_MAX {
            return Err(PolicyError::new(Fault::TooLong).at(line));
        }
        Ok(Piece { text: text.get(begins..end).unwrap_or_default(), line })
    }
}

#[cfg(test)]
mod tests;
