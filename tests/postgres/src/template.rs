//! A cluster that every server of this process begins as a copy of: making one takes seconds, copying it does not.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::process::PostgresServer;

static TEMPLATE: Mutex<Option<PostgresServer>> = Mutex::new(None);

/// The template's data folder, made by who asks first.
pub(crate) fn data() -> io::Result<PathBuf> {
    let mut template = TEMPLATE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(template) = &*template {
        return Ok(template.data().to_owned());
    }
    let first = PostgresServer::prepare(&std::env::temp_dir())?;
    first.initialise(&[])?;
    let data = first.data().to_owned();
    *template = Some(first);
    Ok(data)
}
