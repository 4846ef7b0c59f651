//! With which engine a body's rows lie, where that was changed: `bodies/<name>.place`, one line.
//!
//! ```text
//! moving <from> <to>   they are being copied; they are with <from>
//! moved <from> <to>    they are with <to>; what is left with <from> is to be removed
//! in <to>              they are with <to>
//! ```
//!
//! What must hold: one line is replaced by the next in one durable step, so that after a crash there is exactly one
//! engine that has the rows. Without the file they are with the engine that is configured.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::error::ImageError;
use super::files::failed;
use crate::durable_file::replace;
use crate::engine::EngineKind;
use crate::error::StoreError;
use crate::folder::check_name;

/// Where a body's rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Being copied to another engine.
    Moving {
        /// Where they are.
        from: EngineKind,
        /// Where they are copied to.
        to: EngineKind,
    },
    /// Moved; something may be left where they were.
    Moved {
        /// Where they were.
        from: EngineKind,
        /// Where they are.
        to: EngineKind,
    },
    /// Moved, with nothing left.
    In(EngineKind),
}

impl Place {
    /// What the folder of bodies says of a body; `None` where it was never moved.
    pub fn read(bodies: &Path, name: &str) -> Result<Option<Self>, ImageError> {
        let path = path(bodies, name)?;
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map(Some).ok_or(ImageError::Altered("the place of a body's rows")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, error)),
        }
    }

    /// Makes it so, durably.
    pub fn write(self, bodies: &Path, name: &str) -> Result<(), ImageError> {
        let path = path(bodies, name)?;
        replace(&path, self.line().as_bytes()).map_err(|error| failed(&path, error))
    }

    pub(super) fn line(self) -> String {
        match self {
            Self::Moving { from, to } => format!("moving {from} {to}\n"),
            Self::Moved { from, to } => format!("moved {from} {to}\n"),
            Self::In(engine) => format!("in {engine}\n"),
        }
    }

    /// The engine that has the rows.
    pub fn engine(self) -> EngineKind {
        match self {
            Self::Moving { from, .. } => from,
            Self::Moved { to, .. } | Self::In(to) => to,
        }
    }

    pub(super) fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.strip_suffix('\n')?.split(' ').collect();
        match words.as_slice() {
            ["moving", from, to] => Some(Self::Moving { from: from.parse().ok()?, to: to.parse().ok()? }),
            ["moved", from, to] => Some(Self::Moved { from: from.parse().ok()?, to: to.parse().ok()? }),
            ["in", engine] => Some(Self::In(engine.parse().ok()?)),
            _ => None,
        }
    }
}

fn path(bodies: &Path, name: &str) -> Result<PathBuf, ImageError> {
    check_name(name)?;
    Ok(bodies.join(format!("{name}.place")))
}

/// Whether an engine of this folder may open the body's rows: [`StoreError::OtherEngine`] where they lie with another
/// one, or the file of another one, `other`, is there and no move explains it.
pub(crate) fn check_engine(
    bodies: &Path,
    name: &str,
    engine: EngineKind,
    other: &str,
) -> Result<(), StoreError> {
    let place = Place::read(bodies, name).map_err(|error| match error {
        ImageError::Store(error) => error,
        ImageError::Io { source, .. } => source.into(),
        _ => StoreError::Corrupt,
    })?;
    let may = match place {
        Some(Place::Moving { from, to }) => engine == from || engine == to,
        Some(place) => engine == place.engine(),
        None => !bodies.join(format!("{name}.{other}")).try_exists()?,
    };
    if may { Ok(()) } else { Err(StoreError::OtherEngine) }
}
