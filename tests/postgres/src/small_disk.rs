//! A server whose data lie on a small disk of their own, which can be filled and emptied.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;

use crate::process::{NOBODY, PostgresServer, run};
use crate::template;

/// Few files of write-ahead log, so that they do not fill the disk by themselves.
const SETTINGS: &str = "max_wal_size = 32MB\nmin_wal_size = 32MB\n";

impl PostgresServer {
    /// A new cluster on a file system of so many MiB in memory; `None` where this process may not mount one.
    pub fn on_small_disk(mebibytes: u32) -> io::Result<Option<Self>> {
        let mut server = Self::prepare(&std::env::temp_dir())?;
        let data = server.data().to_owned();
        fs::create_dir(&data)?;
        let options = format!("size={mebibytes}m,mode=0700,uid={NOBODY},gid={NOBODY}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "chukei-test"]).arg(&data).output();
        if !mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Ok(None);
        }
        run(server.program("cp").arg("-a").arg(template::data()?.join(".")).arg(&data))?;
        File::options().append(true).open(data.join("postgresql.conf"))?.write_all(SETTINGS.as_bytes())?;
        server.begin()?;
        Ok(Some(server))
    }

    /// Leaves no space on the disk.
    pub fn fill_disk(&self) -> io::Result<()> {
        let mut ballast = File::create(self.ballast())?;
        while ballast.write_all(&[0; 4_096]).is_ok() {}
        Ok(())
    }

    /// Gives the space back.
    pub fn empty_disk(&self) -> io::Result<()> {
        fs::remove_file(self.ballast())
    }

    fn ballast(&self) -> PathBuf {
        self.data().join("ballast")
    }
}
