//! What is searched for where nothing of a person may stand: texts, in the forms in which they could be written.

use std::collections::BTreeSet;

use data_encoding::{BASE64_NOPAD, HEXLOWER, HEXUPPER};
use encoding_rs::SHIFT_JIS;
use rand::Rng;
use rand::rngs::StdRng;

/// Characters secrets are made of: each has a place in Windows-31J, and none alone is telling.
const ALPHABET: &str = "海鳴市葉風星見町中継暗号写本金魚提灯風鈴朝顔夕凪渡船霧笛石畳坂道灯台桟橋①Ⅱ髙﨑";

/// A text in Windows-31J.
pub(crate) fn windows_31j(text: &str) -> Vec<u8> {
    let (bytes, _, unmappable) = SHIFT_JIS.encode(text);
    assert!(!unmappable, "a character has no place in Windows-31J");
    bytes.into_owned()
}

/// A text that nobody else has.
pub(crate) fn secret(dice: &mut StdRng) -> String {
    let alphabet: Vec<char> = ALPHABET.chars().collect();
    (0..24).map(|_| alphabet[dice.random_range(0..alphabet.len())]).collect()
}

/// Byte strings, each with the name of what it is of.
#[derive(Default)]
pub(crate) struct Needles {
    pub(crate) names: Vec<String>,
    pub(crate) needles: Vec<Vec<u8>>,
}

impl Needles {
    /// A text in UTF-8, in Windows-31J, in UTF-16 and in hexadecimal.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hex = HEXLOWER.encode(text.as_bytes()).into_bytes();
        self.forms(name, [text.as_bytes().to_vec(), windows_31j(text), utf_16, hex]);
    }

    /// The same, in big-endian UTF-16, in capitals of hexadecimal, and in Base64 wherever in a longer text it stands.
    pub(crate) fn text_in_any_form(&mut self, name: &str, text: &str) {
        self.text(name, text);
        let utf_16 = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        self.forms(name, [utf_16, HEXUPPER.encode(text.as_bytes()).into_bytes()]);
        self.forms(name, (0..3).map(|before| base64(text.as_bytes(), before)));
    }

    fn forms(&mut self, name: &str, forms: impl IntoIterator<Item = Vec<u8>>) {
        for form in forms.into_iter().collect::<BTreeSet<_>>() {
            self.names.push(name.to_owned());
            self.needles.push(form);
        }
    }
}

/// The letters of Base64 that depend on `bytes` alone where so many others stand before them.
fn base64(bytes: &[u8], before: usize) -> Vec<u8> {
    let whole = [vec![0; before], bytes.to_vec()].concat();
    let letters = BASE64_NOPAD.encode(&whole).into_bytes();
    letters[(before * 8).div_ceil(6)..whole.len() * 8 / 6].to_vec()
}
