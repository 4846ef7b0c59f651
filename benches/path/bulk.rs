//! Loading: persons made at the portal, enrolled at their body, and rows of theirs imported, each by the command
//! that staff use and from its start to its end.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use chukei_benches::Failure;
use chukei_benches::table::Table;
use chukei_domain::catalogue::{Catalogue, Item, ItemKind};
use chukei_harness::command::{Report, portal, staff};
use chukei_harness::layout::{BODIES, Layout};
use chukei_harness::stack::Stack;

/// The columns of a file of copies.
pub(crate) const HEADER: &str = "record_id,local_body_code,integrated_addressee_number,info_name_code,\
    info_item_code,record_key,layout_version,publication_date,publication_end_date,delete,reason_of_null,value";

/// Enrols `count` new persons of the second body and imports `rows` rows for each, sorted by person.
pub(crate) fn table(stack: &Stack, count: usize, rows: usize) -> Result<Table, Failure> {
    let [_, body, _] = BODIES;
    let layout = stack.layout();
    let began = Instant::now();
    let file = add(layout, body.code, count)?;
    let added = began.elapsed().as_secs_f64();
    let began = Instant::now();
    enrol(layout, body.code, &file, count)?;
    let enrolled = began.elapsed().as_secs_f64();

    let catalogue = Catalogue::builtin()?;
    let items: Vec<_> = catalogue.items().collect();
    let mut text = format!("{HEADER}\n");
    for addressee in addressees(&file)? {
        for (number, (dataset, item)) in items.iter().cycle().take(rows).enumerate() {
            let (place, value) = (number / items.len().max(1) + 1, value(item, "架空の記載"));
            let (dataset, item) = (dataset.code.as_str(), item.code.as_str());
            writeln!(
                text,
                "{addressee}-{number},{},{addressee},{dataset},{item},{place},0001,20240401,,0,,{value}",
                body.code
            )?;
        }
    }
    let began = Instant::now();
    import(layout, body.code, "bulk", &text, count * rows)?;
    let imported = began.elapsed().as_secs_f64();

    let mut table = Table::new("Loading, by command", &["what", "number", "seconds", "per second"]);
    let done = [
        ("persons made at the portal", count, added),
        ("persons enrolled", count, enrolled),
        ("rows imported", count * rows, imported),
    ];
    for (what, number, seconds) in done {
        let rate = number as f64 / seconds;
        table.row([what.to_owned(), number.to_string(), format!("{seconds:.2}"), format!("{rate:.0}")]);
    }
    Ok(table)
}

/// A value that `item` takes; `text` is for items of text.
pub(crate) fn value(item: &Item, text: &str) -> String {
    let whole = match item.kind {
        ItemKind::Text => text,
        ItemKind::Number => "1234567",
        ItemKind::Date => "20240401",
        ItemKind::Code => "A1B2C3D4",
    };
    whole.chars().take(item.max_length).collect()
}

/// Makes new persons; the file of their acquisition numbers.
pub(crate) fn add(layout: &Layout, body: &str, count: usize) -> Result<PathBuf, Failure> {
    let file = layout.dir().join(format!("persons-{body}.csv"));
    let shown = file.display().to_string();
    let args = ["person", "add", "--count", &count.to_string(), "--body", body, "--out", &shown];
    expect(&portal(layout, &args)?.done()?, "added", count)?;
    Ok(file)
}

/// Enrols the persons of a file.
pub(crate) fn enrol(
    layout: &Layout,
    body: &str,
    file: &std::path::Path,
    count: usize,
) -> Result<(), Failure> {
    let shown = file.display().to_string();
    expect(&staff(layout, body, &["person", "enroll", &shown])?.done()?, "enrolled", count)
}

/// Imports rows, all of which must be registered.
pub(crate) fn import(
    layout: &Layout,
    body: &str,
    name: &str,
    rows: &str,
    count: usize,
) -> Result<(), Failure> {
    let file = layout.dir().join(format!("{name}.csv"));
    std::fs::write(&file, rows)?;
    let shown = file.display().to_string();
    expect(&staff(layout, body, &["copy", "import", &shown])?.done()?, "registered", count)
}

/// The addressee numbers of a file of acquisition numbers.
pub(crate) fn addressees(file: &std::path::Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(file)?;
    Ok(text.lines().skip(1).filter_map(|line| Some(line.split_once(',')?.0.to_owned())).collect())
}

fn expect(report: &Report, what: &str, count: usize) -> Result<(), Failure> {
    let found = report.count(what);
    if found == u64::try_from(count).ok() {
        Ok(())
    } else {
        Err(format!("{what}: {found:?}, not {count}").into())
    }
}
