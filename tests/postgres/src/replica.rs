//! A second server that follows a first one, and takes its place.

use std::io;

use crate::process::{PostgresServer, SUPERUSER, run};

/// The name under which a replica is known to its primary.
const NAME: &str = "replica";

impl PostgresServer {
    /// A replica of this server. From when this returns, a commit here waits until the replica has it on its disk.
    pub fn synchronous_replica(&self) -> io::Result<Self> {
        let mut replica = Self::prepare(&std::env::temp_dir())?;
        let source = format!(
            "host={} port={} user={SUPERUSER} application_name={NAME}",
            self.folder().display(),
            self.port()
        );
        let mut copy = replica.program("pg_basebackup");
        copy.args([
            "--checkpoint=fast",
            "--wal-method=stream",
            "--write-recovery-conf",
            "--no-sync",
            "--dbname",
        ]);
        run(copy.arg(source).arg("--pgdata").arg(replica.data()))?;
        replica.begin()?;
        self.sql("postgres", &format!("ALTER SYSTEM SET synchronous_standby_names = '{NAME}'"))?;
        self.sql("postgres", "SELECT pg_reload_conf()")?;
        while self.sql("postgres", "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")?
            != "1"
        {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Ok(replica)
    }

    /// Makes a replica a primary that takes writes; it has no replica itself, so it waits for none.
    pub fn promote(&self) -> io::Result<()> {
        let promoted = self.sql("postgres", "SELECT pg_promote(true, 30)")?;
        if promoted == "t" { Ok(()) } else { Err(io::Error::other("the replica was not promoted")) }
    }
}
