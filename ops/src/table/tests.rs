//! Rows are found whatever surrounds them, in bounded memory, in both encodings.

use std::io::{BufRead, BufReader, Read};

use encoding_rs::SHIFT_JIS;
use proptest::prelude::*;

use super::columns::{Column, Columns, HeaderFault};
use super::encoding::{Encoding, EncodingChoice};
use super::lines::{Ending, LINE_MAX, Line, Lines};
use super::records::{Content, RECORD_MAX, Record, Records};
use super::survey::{Survey, TableError};

const KNOWN: [Column; 3] = [
    Column { english: "id", japanese: "識別番号" },
    Column { english: "kind", japanese: "種別" },
    Column { english: "value", japanese: "内容" },
];

fn survey(bytes: &[u8]) -> Result<Survey, TableError> {
    Survey::of(bytes, EncodingChoice::Auto, &KNOWN)
}

fn drain<R: BufRead>(mut records: Records<R>) -> Vec<Record> {
    std::iter::from_fn(|| records.next().unwrap()).collect()
}

/// Rows of three columns behind a header line, as `(line, fields)`; `None` for a malformed line.
fn rows(body: &[u8]) -> Vec<(u64, Option<Vec<String>>)> {
    let file = [b"id,kind,value\n", body].concat();
    let records = drain(survey(&file).unwrap().records(file.as_slice()).unwrap());
    let text =
        |fields: Vec<Vec<u8>>| fields.into_iter().map(|field| String::from_utf8(field).unwrap()).collect();
    let row = |record: Record| match record.content {
        Content::Fields(fields) => (record.line, Some(text(fields))),
        Content::Malformed(_) => (record.line, None),
    };
    records.into_iter().map(row).collect()
}

fn row(line: u64, fields: [&str; 3]) -> (u64, Option<Vec<String>>) {
    (line, Some(fields.map(str::to_owned).to_vec()))
}

#[test]
fn quoted_fields_may_hold_commas_quotes_and_line_ends() {
    let body = b"1,\"a,b\",\"say \"\"x\"\"\"\r\n2,\"two\r\nlines\",c\r\n\"3\",5\" pipe,\r\n";
    let expected = [
        row(2, ["1", "a,b", "say \"x\""]),
        row(3, ["2", "two\r\nlines", "c"]),
        row(5, ["3", "5\" pipe", ""]),
    ];
    assert_eq!(rows(body), expected);
}

#[test]
fn the_last_line_needs_no_ending_and_empty_lines_are_no_rows() {
    assert_eq!(rows(b"\n1,a,b\n\r\n2,c,d"), [row(3, ["1", "a", "b"]), row(5, ["2", "c", "d"])]);
    assert_eq!(rows(b""), []);
}

#[test]
fn a_wrong_number_of_fields_costs_one_line() {
    assert_eq!(
        rows(b"1,a\n2,b,c\n3,d,e,f\n4,g,h\n"),
        [(2, None), row(3, ["2", "b", "c"]), (4, None), row(5, ["4", "g", "h"])]
    );
}

#[test]
fn a_half_written_line_takes_no_good_row_with_it() {
    // The open quotation would end at the next row's quotation mark, or at the end of the file.
    let quoted = b"1,a,\"half\n2,b,\"whole\"\n3,c,\"\"\n4,d,\",e\"\n5,f,g\n";
    let good = [
        (2, None),
        row(3, ["2", "b", "whole"]),
        row(4, ["3", "c", ""]),
        row(5, ["4", "d", ",e"]),
        row(6, ["5", "f", "g"]),
    ];
    assert_eq!(rows(quoted), good);
    assert_eq!(rows(b"1,\"half\n2,b,\"c,\"\n"), [(2, None), row(3, ["2", "b", "c,"])]);
    assert_eq!(
        rows(b"1,\"ha\n2,b,c\n3,d,e\n"),
        [(2, None), row(3, ["2", "b", "c"]), row(4, ["3", "d", "e"])]
    );
}

#[test]
fn a_record_over_its_limit_costs_its_first_line() {
    let filler = "x".repeat(1_000);
    let mut body = format!("1,a,\"{filler}\n");
    let lines = RECORD_MAX / 1_000 + 1;
    for _ in 0..lines {
        body.push_str(&format!("2,b,{filler}\n"));
    }
    body.push_str("3,c,closed\"\n");
    let found = rows(body.as_bytes());
    assert_eq!(found[0], (2, None));
    assert_eq!(found[1], row(3, ["2", "b", &filler]));
    assert_eq!(found.len(), lines + 2);
    let within = format!("1,a,{}\n", "x".repeat(RECORD_MAX - 4));
    assert!(rows(within.as_bytes())[0].1.is_some());
    let over = format!("1,a,{}\n2,b,c\n", "x".repeat(RECORD_MAX - 3));
    assert_eq!(rows(over.as_bytes()), [(2, None), row(3, ["2", "b", "c"])]);
}

#[test]
fn a_line_of_a_gibibyte_is_one_malformed_row_in_constant_memory() {
    let gibibyte = std::io::repeat(b'1').take(1 << 30);
    let file = b"id,kind,value\n1,a,b\n".chain(gibibyte).chain(&b"\n2,c,d\n"[..]);
    let mut lines = Lines::new(BufReader::new(file));
    lines.next().unwrap();
    let mut records = Records::new(lines, 1, 3);
    assert_eq!(records.next().unwrap().unwrap().line, 2);
    let long = records.next().unwrap().unwrap();
    assert_eq!(long, Record { line: 3, content: Content::Malformed(Vec::new()) });
    assert_eq!(records.next().unwrap().unwrap().line, 4);
    assert_eq!(records.next().unwrap(), None);
    assert_eq!(records.consumed(), (1 << 30) + 27);
}

#[test]
fn the_longest_line_is_kept_and_one_byte_more_is_skipped() {
    for (ending, kept) in [("\n", Ending::Lf), ("\r\n", Ending::CrLf), ("", Ending::File)] {
        for (length, fits) in
            [(LINE_MAX, true), (LINE_MAX + 1, false), (LINE_MAX + 2, false), (LINE_MAX + 3, false)]
        {
            let file = format!("{}{ending}", "x".repeat(length));
            let mut lines = Lines::new(file.as_bytes());
            let expected = if fits { Line::Text(vec![b'x'; length], kept) } else { Line::TooLong };
            assert!(lines.next().unwrap() == Some(expected), "{length} {ending:?}");
            assert!(lines.next().unwrap().is_none());
        }
    }
}

#[test]
fn both_encodings_are_found_out() {
    let text = "識別番号,種別,内容\n1,①Ⅱ,髙﨑～―\n";
    let (windows, ..) = SHIFT_JIS.encode(text);
    let marked = format!("\u{feff}{text}");
    for (bytes, encoding) in [
        (text.as_bytes(), Encoding::Utf8),
        (marked.as_bytes(), Encoding::Utf8),
        (&windows, Encoding::Windows31J),
        (b"id,kind,value\n1,a,b\n", Encoding::Utf8),
    ] {
        let found = survey(bytes).unwrap();
        assert_eq!((found.encoding, found.bytes), (encoding, bytes.len() as u64));
        let records = drain(found.records(bytes).unwrap());
        let Content::Fields(fields) = &records[0].content else { panic!("no row") };
        let decoded: Vec<String> = fields.iter().map(|field| encoding.decode(field).unwrap()).collect();
        if !bytes.starts_with(b"id") {
            assert_eq!(decoded, ["1", "①Ⅱ", "髙﨑～―"]);
        }
    }
}

#[test]
fn the_encoding_that_reads_more_lines_wins_under_an_english_header() {
    let (windows, ..) = SHIFT_JIS.encode("1,種別,内容\n2,種別,内容\n");
    let mut file = [b"id,kind,value\n", &*windows].concat();
    file.extend_from_slice("3,あ,あ\n".as_bytes());
    assert_eq!(survey(&file).unwrap().encoding, Encoding::Windows31J);
    let named = Survey::of(file.as_slice(), EncodingChoice::Utf8, &KNOWN).unwrap();
    assert_eq!(named.encoding, Encoding::Utf8);
    assert!(Encoding::Utf8.decode(&windows).is_none());
    assert!(Encoding::Windows31J.decode(&[b'a', 0x81]).is_none());
}

#[test]
fn a_file_that_is_not_a_table_of_these_columns_is_refused() {
    let columns = |bytes: &[u8]| match survey(bytes).unwrap_err() {
        TableError::Columns(fault) => fault,
        other => panic!("{other}"),
    };
    assert!(matches!(columns(b"1,secret,2\n"), HeaderFault::NoHeader));
    assert_eq!(columns(b"id,kind\n"), HeaderFault::Missing("value".to_owned()));
    assert_eq!(columns(b"id,kind,value,id\n"), HeaderFault::Repeated("id".to_owned()));
    let unknown = HeaderFault::Unknown("3列目「memo」, 4列目".to_owned());
    assert_eq!(columns(b"id,kind,memo,123456789018\n"), unknown);
    assert!(matches!(survey(b""), Err(TableError::Empty)));
    assert!(matches!(survey(&[0xFF, 0xFE, b'i', 0]), Err(TableError::Utf16)));
    assert!(matches!(survey(b"id,\"kind\n"), Err(TableError::Header)));
    assert!(matches!(survey(&vec![b'x'; LINE_MAX + 1]), Err(TableError::Header)));
}

#[test]
fn columns_are_put_in_their_known_order() {
    let header = ["内容", "id", "種別"].map(str::to_owned);
    let columns = Columns::find(&header, &KNOWN).unwrap();
    assert_eq!(columns.arrange(vec!["v", "i", "k"]), ["i", "k", "v"]);
}

fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn whatever_is_written_quoted_is_read_back(
        table in prop::collection::vec(prop::collection::vec("[a,\"\r\nあ]{0,6}", 3), 0..6),
    ) {
        let body: String = table.iter().map(|row| row.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(",") + "\n").collect();
        let read: Vec<Vec<String>> = rows(body.as_bytes()).into_iter().map(|(_, fields)| fields.unwrap()).collect();
        prop_assert_eq!(read, table);
    }

    #[test]
    fn good_rows_survive_any_line_between_them(noise in prop::collection::vec("[a,\"あ]{0,8}", 0..8)) {
        // Rows that quote nothing cannot be part of a record that a noise line begins, save one that is whole.
        let mut body = String::new();
        for line in &noise {
            body.push_str(&format!("{line}\ngood,row,here\n"));
        }
        let good = rows(body.as_bytes()).into_iter().filter(|(_, fields)| {
            fields.as_ref().is_some_and(|fields| fields == &["good", "row", "here"])
        });
        let swallowed = rows(body.as_bytes()).into_iter().filter_map(|(_, fields)| fields);
        let swallowed: usize = swallowed.map(|fields| fields.concat().matches("good,row,here").count()).sum();
        prop_assert_eq!(good.count() + swallowed, noise.len());
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let records = drain(Records::new(Lines::new(bytes.as_slice()), 0, 3));
        prop_assert!(records.is_sorted_by(|a, b| a.line < b.line));
    }
}
