//! Where the bodies' journal is a table of a server: whose entries go there, and whose stay in files.

use super::Journal;
use super::error::JournalError;
use super::table::TableJournal;
use crate::postgres::PostgresEngine;

/// The bodies' journal, where it is a table.
pub(super) struct OnServer {
    pub(super) table: TableJournal,
    /// Partitions that belong to the node alone: they stay in its files.
    local: Vec<String>,
}

impl Journal {
    /// Keeps the journal of every partition but those named in `local` as a table of this server from now on. A body's
    /// is adopted once the body is open.
    pub fn on_server(mut self, engine: &PostgresEngine, local: &[&str]) -> Result<Self, JournalError> {
        let table = TableJournal::new(engine, self.shared.options.clone())?;
        let local = local.iter().map(|name| (*name).to_owned()).collect();
        self.table = Some(OnServer { table, local });
        Ok(self)
    }

    /// Goes on with the journal of a body that this process has opened, in the epoch of its lease: to be repeated each
    /// time the body is opened. Does nothing where the journal lies in files.
    pub async fn adopt(&self, partition: &str) -> Result<(), JournalError> {
        match self.table_of(partition) {
            Some(table) => table.adopt(partition).await,
            None => Ok(()),
        }
    }

    pub(super) fn table_of(&self, partition: &str) -> Option<&TableJournal> {
        let on_server = self.table.as_ref()?;
        (!on_server.local.iter().any(|name| name == partition)).then_some(&on_server.table)
    }
}
