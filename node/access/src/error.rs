//! Why a policy text is not accepted.
//!
//! The code and the place are for events and logs; the detail may quote the policy and is for its author alone.

use std::fmt;

/// What is the matter with a policy text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// More bytes than [`crate::limits::TEXT_MAX`], or one policy of more than [`crate::limits::POLICY_MAX`].
    TooLong,
    /// More policies than [`crate::limits::POLICIES_MAX`].
    TooMany,
    /// Deeper than [`crate::limits::NESTING_MAX`].
    TooDeep,
    /// More policies that no table can hold than [`crate::limits::WIDE_MAX`].
    TooWide,
    /// A character that does not show, or changes the direction of what is shown.
    Unprintable,
    /// What is, or looks like, an individual number (R10).
    ForbiddenIdentifier,
    /// It does not parse.
    Syntax,
    /// It permits: a body's policies only take away.
    Widens,
    /// `@id` is missing, malformed or used twice.
    Id,
    /// `@reason_en` or `@reason_ja` is missing, empty or too long.
    Reason,
    /// `@result`, `@step_up` or `@rule` is malformed, or does not go with the others.
    Annotation,
    /// An annotation that means nothing here.
    UnknownAnnotation,
    /// Strict validation against the schema finds something.
    Invalid,
    /// The shipped schema or policies do not load.
    Schema,
}

/// A policy text was refused; nothing of it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    fault: Fault,
    line: Option<u32>,
    detail: String,
}

impl Fault {
    /// A stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "TOO_LONG",
            Self::TooMany => "TOO_MANY",
            Self::TooDeep => "TOO_DEEP",
            Self::TooWide => "TOO_WIDE",
            Self::Unprintable => "UNPRINTABLE",
            Self::ForbiddenIdentifier => "FORBIDDEN_IDENTIFIER",
            Self::Syntax => "SYNTAX",
            Self::Widens => "WIDENS",
            Self::Id => "ID",
            Self::Reason => "REASON",
            Self::Annotation => "ANNOTATION",
            Self::UnknownAnnotation => "UNKNOWN_ANNOTATION",
            Self::Invalid => "INVALID",
            Self::Schema => "SCHEMA",
        }
    }
}

impl PolicyError {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { fault, line: None, detail: String::new() }
    }

    pub(crate) fn detailed(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    pub(crate) fn at(self, line: u32) -> Self {
        Self { line: self.line.or(Some(line)), ..self }
    }

    /// What is the matter.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The line on which the refused policy begins, from 1; `None` where it is the whole text.
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    /// More, for the author of the text: it may quote the text.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy refused: {}", self.fault.as_str())?;
        self.line.map_or(Ok(()), |line| write!(f, ", line {line}"))
    }
}

impl std::error::Error for PolicyError {}
