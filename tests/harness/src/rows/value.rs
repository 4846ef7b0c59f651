//! Values of every item type, none of which holds twelve digits in a row.

use chukei_domain::catalogue::{Item, ItemKind};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::file::Encoding;

/// Phrases that both encodings have, with the characters that conversions like to damage.
const PHRASES: &[&str] = &[
    "所得割",
    "均等割",
    "①期",
    "第Ⅱ種",
    "髙橋町",
    "山﨑通り",
    "1～3級",
    "―",
    "ｶﾅ",
    "カナ",
    "㈱海鳴",
    "減免",
    "、",
    "普通徴収",
    "特別徴収",
    "要介護",
    "神樂",
    "纊",
    "～以上",
    "㍻",
    "＼",
    "－",
    "∥",
    "￤",
    "abc",
    "\"引用\"",
    "a,b",
    " ",
];
/// Phrases that only UTF-8 has.
const UTF8_PHRASES: &[&str] = &["𠮷野", "葛󠄀", "é", "🏯", "한글", "Ω≈"];
/// Values that a spreadsheet would run; they are stored as they are.
const FORMULAS: &[&str] = &["=1+1", "+81", "-1", "@海鳴", "=HYPERLINK(\"x\")"];

/// A value that `item` accepts.
pub(crate) fn value(item: &Item, encoding: Encoding, random: &mut StdRng) -> String {
    match item.kind {
        ItemKind::Text => text(item.max_length, encoding, random),
        ItemKind::Number => number(item.max_length, random),
        ItemKind::Date => date(random),
        ItemKind::Code => code(item.max_length, random),
    }
}

fn text(max: usize, encoding: Encoding, random: &mut StdRng) -> String {
    if max >= 20 && random.random_bool(0.02) {
        return FORMULAS.choose(random).copied().unwrap_or_default().to_owned();
    }
    let wanted = if random.random_bool(0.05) { max } else { random.random_range(1..=max.min(40)) };
    let mut text = String::new();
    let mut length = 0;
    while length < wanted {
        let more = match encoding {
            Encoding::Utf8 if random.random_bool(0.1) => UTF8_PHRASES,
            _ => PHRASES,
        };
        let phrase = more.choose(random).copied().unwrap_or("字");
        let room = wanted - length;
        text.extend(phrase.chars().take(room));
        length += phrase.chars().count().min(room);
    }
    // Edges of blanks are kept by the system; they are left out here because people cannot see them.
    if text.starts_with(' ') || text.ends_with(' ') { text.replace(' ', "・") } else { text }
}

fn number(max: usize, random: &mut StdRng) -> String {
    let digits = random.random_range(1..=max.min(9));
    let mut text: String = (0..digits).map(|_| char::from(random.random_range(b'0'..=b'9'))).collect();
    if digits < max && random.random_bool(0.1) {
        text.insert(0, '-');
    }
    text
}

fn date(random: &mut StdRng) -> String {
    let (year, month, day) =
        (random.random_range(1990..=2025), random.random_range(1..=12), random.random_range(1..=28));
    format!("{year:04}{month:02}{day:02}")
}

fn code(max: usize, random: &mut StdRng) -> String {
    let length = random.random_range(1..=max.min(8));
    let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdef0123456789";
    (0..length).map(|_| char::from(*letters.choose(random).unwrap_or(&b'0'))).collect()
}
