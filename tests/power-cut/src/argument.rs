//! The arguments of a call as `strace -xx` prints them: every byte of every string as `\xNN`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The arguments of one call, of which some are not there or are of another kind.
pub(crate) struct Arguments<'a>(Vec<&'a str>);

impl<'a> Arguments<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self(split(text))
    }

    pub(crate) fn text(&self, index: usize) -> Option<&'a str> {
        self.0.get(index).copied()
    }

    pub(crate) fn number(&self, index: usize) -> Option<u64> {
        number(self.text(index)?)
    }

    pub(crate) fn path(&self, index: usize) -> Option<PathBuf> {
        Some(OsString::from_vec(bytes(self.text(index)?)?).into())
    }

    /// Every path, with what stands before it if that is no path: the folder from which it is read.
    pub(crate) fn paths(&self) -> Option<Vec<(Option<&'a str>, PathBuf)>> {
        let is_path = |index: usize| self.text(index).is_some_and(|text| text.starts_with('"'));
        let paths = (0..self.0.len()).filter(|index| is_path(*index));
        paths
            .map(|index| {
                let before = index.checked_sub(1).filter(|before| !is_path(*before));
                Some((before.and_then(|before| self.text(before)), self.path(index)?))
            })
            .collect()
    }
}

/// The arguments, split at the commas that lie in no string, list or structure.
fn split(arguments: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut quoted, mut start) = (0_u32, false, 0);
    for (at, byte) in arguments.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.extend(arguments.get(start..at).map(str::trim));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(arguments.get(start..).map(str::trim).filter(|last| !last.is_empty()));
    parts
}

/// The bytes of a string; `None` if it is none or was cut short.
pub(crate) fn bytes(argument: &str) -> Option<Vec<u8>> {
    let text = argument.strip_prefix('"')?.strip_suffix('"')?;
    let (codes, rest) = text.as_bytes().as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    codes
        .iter()
        .map(|code| match code {
            [b'\\', b'x', high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

/// All bytes of a list of buffers: `[{iov_base="…", iov_len=5}, …]`.
pub(crate) fn buffers(argument: &str) -> Option<Vec<u8>> {
    let list = argument.strip_prefix('[')?.strip_suffix(']')?;
    let mut all = Vec::new();
    for buffer in split(list) {
        let base = split(buffer.strip_prefix('{')?.strip_suffix('}')?).first()?.strip_prefix("iov_base=")?;
        all.extend(if base == "NULL" { Vec::new() } else { bytes(base)? });
    }
    Some(all)
}

/// A number, decimal or hexadecimal.
pub(crate) fn number(argument: &str) -> Option<u64> {
    match argument.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => argument.parse().ok(),
    }
}

/// Whether a flag stands in a list of flags joined by `|`.
pub(crate) fn has_flag(argument: &str, flag: &str) -> bool {
    argument.split('|').any(|found| found == flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_split_outside_strings_and_structures() {
        assert_eq!(
            split(r#"3, "\x2c\x22", {a=1, b=[2, 3]}, 0"#),
            ["3", r#""\x2c\x22""#, "{a=1, b=[2, 3]}", "0"]
        );
        assert_eq!(split(""), Vec::<&str>::new());
    }

    #[test]
    fn strings_are_whole_or_none() {
        assert_eq!(bytes(r#""\x61\x00\xff""#), Some(vec![b'a', 0, 255]));
        assert_eq!(bytes(r#""""#), Some(Vec::new()));
        assert_eq!(bytes(r#""\x61"..."#), None, "cut short by the recorder");
        assert_eq!(bytes("NULL"), None);
        assert_eq!(bytes(r#""a""#), None);
    }

    #[test]
    fn buffers_are_joined() {
        let list =
            r#"[{iov_base="\x61\x62", iov_len=2}, {iov_base=NULL, iov_len=0}, {iov_base="\x63", iov_len=1}]"#;
        assert_eq!(buffers(list), Some(b"abc".to_vec()));
    }

    #[test]
    fn paths_are_read_from_the_folder_before_them() {
        let paths = |text| Arguments::of(text).paths().unwrap();
        let (a, b) = (PathBuf::from("a"), PathBuf::from("b"));
        assert_eq!(paths(r#""\x61", "\x62""#), [(None, a.clone()), (None, b.clone())]);
        assert_eq!(paths(r#"AT_FDCWD, "\x61", 3, "\x62", 0"#), [(Some("AT_FDCWD"), a), (Some("3"), b)]);
    }

    #[test]
    fn numbers_and_flags() {
        assert_eq!((number("12"), number("0x1f"), number("-1")), (Some(12), Some(31), None));
        assert!(has_flag("O_RDWR|O_CREAT", "O_CREAT") && !has_flag("O_RDWR|O_CREATE", "O_CREAT"));
    }
}
