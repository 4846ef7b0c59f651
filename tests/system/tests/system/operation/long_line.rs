//! A line of a gibibyte in a copy file: one bad row, in bounded memory, and the rows around it registered.

use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::copy_file::{Row, file};
use crate::group::Test;
use crate::program;
use crate::stage::Stage;

pub(super) const TESTS: &[Test<Stage>] =
    &[("a_line_of_a_gibibyte_is_one_bad_row_in_bounded_memory", gibibyte_line)];

const BODY: &str = "983012";
/// The line is a hole in the file: it is as long as any, and takes no room on the disk.
const LINE: u64 = 1 << 30;
/// Address space the command may use, KiB: its stacks and libraries take most of it, a line does not fit.
const MEMORY_KIB: u64 = 768 * 1024;

fn gibibyte_line(stage: &Stage) {
    let persons = stage.persons(BODY, 2);
    let before = file(&[Row::new(BODY, &persons[0], "before-line", "値")]);
    let after = file(&[Row::new(BODY, &persons[1], "after-line", "値")]);
    let path = stage.file("long.csv");
    let mut long = std::fs::File::create(&path).unwrap();
    long.write_all(before.as_bytes()).unwrap();
    long.write_all(b"long-line,").unwrap();
    long.seek(SeekFrom::Current(i64::try_from(LINE).unwrap())).unwrap();
    long.write_all(b"\n").unwrap();
    long.write_all(after.lines().nth(1).unwrap().as_bytes()).unwrap();
    long.write_all(b"\n").unwrap();
    drop(long);

    let config = stage.layout().staff_config(BODY).display().to_string();
    let path = path.display().to_string();
    let played = program::command("chukei");
    let limited = format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited]).arg(played.get_program()).args(played.get_args()).stdin(Stdio::null());
    let report = program::end(command.args(["--config", &config, "--json", "copy", "import", &path])).done();
    assert_eq!(report["registered"], 2, "{report}");
    assert_eq!(report["rejected"], json!({ "BAD_FORMAT": 1 }));
    let results = std::fs::read_to_string(report["result_file"].as_str().unwrap()).unwrap();
    assert_eq!(results, "line,record_id,result\n3,,BAD_FORMAT\n");
    std::fs::remove_file(path).unwrap();
}
