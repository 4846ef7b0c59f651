//! What a disclosure leaves on the disk: how much the data folders of node and broker have grown, for each of those that
//! were answered in between. A journal's segments are made before they are full: of many disclosures it is little.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chukei_benches::Failure;
use chukei_benches::table::Table;
use chukei_harness::layout::Layout;

/// Bytes of a block as `stat` counts them.
const BLOCK: u64 = 512;

/// Folders that are looked at, with what they hold.
pub(crate) struct Growth {
    folders: [(&'static str, PathBuf); 3],
    before: [u64; 3],
}

impl Growth {
    /// From now on.
    pub(crate) fn begin(layout: &Layout) -> Result<Self, Failure> {
        let node = layout.dir().join("node");
        let folders = [
            ("node: journal and logs", node.join("journal")),
            ("node: rows, of the logs' trees among them", node.join("bodies")),
            ("broker: journal and records", layout.dir().join("broker")),
        ];
        let mut before = [0; 3];
        for (bytes, (_, folder)) in before.iter_mut().zip(&folders) {
            *bytes = held(folder)?;
        }
        Ok(Self { folders, before })
    }

    /// Until now, over so many disclosures.
    pub(crate) fn table(&self, disclosures: f64) -> Result<Table, Failure> {
        let mut table = Table::new("What one disclosure leaves on the disk", &["where", "bytes"]);
        let mut sum = 0.0;
        for ((name, folder), before) in self.folders.iter().zip(self.before) {
            let grown = (held(folder)? as f64 - before as f64) / disclosures.max(1.0);
            sum += grown;
            table.row([(*name).to_owned(), format!("{grown:.0}")]);
        }
        table.row([format!("together, over {disclosures:.0} disclosures"), format!("{sum:.0}")]);
        Ok(table)
    }
}

/// Bytes of the disk that a folder takes.
fn held(folder: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // Files of a journal go while they are looked at.
        match path.symlink_metadata() {
            Ok(found) if found.is_dir() => bytes += held(&path)?,
            Ok(found) => bytes += found.blocks() * BLOCK,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}
