use super::*;

const FILE: &str = r#"
body = "982016"

[[staff]]
name = "u-tax-07"
kind = "staff"
roles = ["requester", "clerk", "administrator", "reviewer"]
department = "zeimu"
affairs = ["JM99000000002000", "JM99000000001000"]
valid = { from = "2026-04-01", until = "2027-03-31" }
trained_on = "2026-04-10"

[[staff.factor]]
name = "face"
kind = "biometrics"
public = "0101010101010101010101010101010101010101010101010101010101010101"

[[device]]
name = "t-01"
zone = "closed"
listed = { from = "2026-04-01", until = "2031-03-31" }

[[function]]
function = "copies"
mode = "live"
reference = "諮問2026-01"
from = "2026-04-01"

[[delegation]]
id = "d-1"
to = "982024"
affairs = ["JM99000000001000"]
functions = ["copy_show"]
from = "2026-11-01T00:00:00+09:00"
until = "2026-12-01T00:00:00+09:00"
"#;

#[test]
fn a_file_gives_its_entries_and_comes_back_from_them() {
    let file = RegisterFile::parse(FILE).unwrap();
    let entries = file.check().unwrap();
    assert_eq!(entries.len(), 4);
    for entry in &entries {
        assert_eq!(Entry::from_bytes(&entry.to_bytes().unwrap()).unwrap(), *entry);
    }
    let again = RegisterFile::of(file.body, entries.clone());
    assert_eq!(RegisterFile::parse(&again.to_toml().unwrap()).unwrap().check().unwrap(), entries);
}
