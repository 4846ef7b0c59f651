//! Loading: persons made at the portal, enrolled at their body, and rows of theirs imported, each by the command
//! that staff use and from its start to its end.

use std::fmt::Write as _;
use std::time::Instant;

use chukei_benches::Failure;
use chukei_benches::loading::{HEADER, add, addressees, enrol, import, value};
use chukei_benches::table::Table;
use chukei_domain::catalogue::Catalogue;
use chukei_harness::layout::BODIES;
use chukei_harness::stack::Stack;

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
