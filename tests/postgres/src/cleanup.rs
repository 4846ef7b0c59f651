//! What is left to do when the test process has ended, whatever ended it.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input; then stops the server whose folder is `$0` and whose cluster is `$1`, if it still is
/// that server, and removes the folder.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
while read -r _; do :; done
pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && grep -qaF "$0" "/proc/$pid/cmdline" 2>/dev/null; then
  kill -QUIT "$pid"
  tries=0
  while grep -qaF "$0" "/proc/$pid/cmdline" 2>/dev/null && [ $tries -lt 200 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
fi
umount -l "$0/data" 2>/dev/null
rm -rf "$0"
"#;

/// Ends its work when it is dropped or this process dies.
pub(crate) struct Cleanup(Child);

impl Cleanup {
    pub(crate) fn of(folder: &Path, data: &Path) -> io::Result<Self> {
        Command::new("sh")
            .arg("-c")
            .arg(SCRIPT)
            .args([folder, data])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Not in the group that a terminal interrupts.
            .process_group(0)
            .spawn()
            .map(Self)
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
