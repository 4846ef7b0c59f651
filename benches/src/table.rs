//! Tables in Markdown, so that what is printed can stand in a document as it is.

use std::fmt;

/// Rows under a header. Missing cells are empty, further ones are shown all the same.
#[derive(Clone, Debug)]
pub struct Table {
    title: String,
    rows: Vec<Vec<String>>,
    columns: usize,
}

impl Table {
    /// A table without rows.
    pub fn new(title: &str, header: &[&str]) -> Self {
        let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
        Self { title: title.to_owned(), columns: header.len(), rows: vec![header] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        for (number, row) in self.rows.iter().enumerate() {
            writeln!(f, "| {} |", row.join(" | "))?;
            if number == 0 {
                writeln!(f, "|{}", "---|".repeat(self.columns))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new("Speed", &["what", "ns"]);
        table.row(["seal".to_owned(), "12".to_owned()]);
        assert_eq!(table.to_string(), "### Speed\n\n| what | ns |\n|---|---|\n| seal | 12 |\n");
    }
}
