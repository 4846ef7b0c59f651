//! Rotation drills: person codes and binding secrets pass from one version to the next, and the older one ends.

mod bindings;
mod codes;

use std::fs;

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use chukei_ops::pki::Pki;
use libtest_mimic::Trial;

use crate::stage::Stage;

/// Every group of drills.
pub(crate) fn trials() -> Vec<Trial> {
    [codes::trials(), bindings::trials()].into_iter().flatten().collect()
}

/// The folder of keys.
fn pki(layout: &Layout) -> Pki {
    Pki::open(&layout.dir().join("pki")).unwrap()
}

/// Writes the versions of masters that a role's configuration lists: what each entry says beside its table's name.
fn list_masters(layout: &Layout, role: Role, table: &str, entries: &[&str]) {
    let path = layout.config(role);
    let text = fs::read_to_string(&path).unwrap();
    let head = format!("[[{table}]]");
    let mut kept = String::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line == head;
        }
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    for entry in entries {
        kept.push_str(&format!("\n{head}\n{entry}\n"));
    }
    fs::write(&path, kept).unwrap();
}

impl Stage {
    /// Stops a role as an operator would, and starts it with the configuration as it is now.
    fn restart(&self, role: Role) {
        self.stack.stop_role(role).unwrap();
        self.stack.start_role(role).unwrap();
    }
}
