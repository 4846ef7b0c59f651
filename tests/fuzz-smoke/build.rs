//! Lists the fuzz targets: one module per file of `tests/fuzz/fuzz_targets`, and a table of their entries. A list kept by hand
//! would be forgotten, as the targets outside the workspace were.

use std::io::{Error, Result};
use std::path::Path;

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets").canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if let Some(name) = path.file_stem().filter(|_| path.extension().is_some_and(|found| found == "rs")) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    let out = std::env::var_os("OUT_DIR").ok_or_else(|| Error::other("cargo names OUT_DIR"))?;
    std::fs::write(Path::new(&out).join("targets.rs"), listing(&folder, &names))
}

fn listing(folder: &Path, names: &[String]) -> String {
    let mut text = String::new();
    for name in names {
        let file = folder.join(format!("{name}.rs"));
        text.push_str(&format!("#[path = {file:?}]\nmod {name};\n"));
    }
    text.push_str("const TARGETS: &[(&str, Target)] = &[\n");
    for name in names {
        text.push_str(&format!("    ({name:?}, {name}::target),\n"));
    }
    text.push_str("];\n");
    text
}
