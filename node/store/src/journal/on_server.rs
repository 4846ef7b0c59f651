//! Bodies whose log is a table of a server, with their rows.

use super::Journal;
use super::error::JournalError;
use super::routes::LogPlace;
use super::table::TableJournal;
use crate::postgres::PostgresEngine;

impl Journal {
    /// The logs of bodies whose rows lie on this server can be kept there from now on. Every log but those named in
    /// `local` is adopted before anything is appended to it.
    pub fn on_server(&self, engine: &PostgresEngine, local: &[&str]) -> Result<(), JournalError> {
        self.routes.attach(local, || TableJournal::new(engine, self.shared.options.clone()))
    }

    /// Goes on with the log of a body that this process has opened, where its rows are: to be repeated each time the
    /// body is opened. On a server that is in the epoch of its lease.
    pub async fn adopt(&self, partition: &str, place: LogPlace) -> Result<(), JournalError> {
        if place == LogPlace::Server {
            self.routes.table().ok_or(JournalError::NotOwned)?.adopt(partition).await?;
        }
        self.routes.open(partition, place);
        Ok(())
    }
}
