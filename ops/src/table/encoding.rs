//! The two encodings that files come in, decoded completely or not at all.

use clap::ValueEnum;
use encoding_rs::SHIFT_JIS;

/// How a file's bytes are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8.
    Utf8,
    /// Windows-31J, which files and people also call Shift_JIS.
    Windows31J,
}

/// What the caller says about a file's encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EncodingChoice {
    /// Found out from the file.
    Auto,
    /// UTF-8.
    #[value(name = "utf-8")]
    Utf8,
    /// Windows-31J.
    #[value(name = "windows-31j")]
    Windows31J,
}

impl EncodingChoice {
    /// The encoding that was named, if one was.
    pub(crate) fn named(self) -> Option<Encoding> {
        match self {
            Self::Auto => None,
            Self::Utf8 => Some(Encoding::Utf8),
            Self::Windows31J => Some(Encoding::Windows31J),
        }
    }
}

impl Encoding {
    /// The text, or `None` where a single byte does not decode: nothing is ever replaced.
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Self::Windows31J => SHIFT_JIS
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(std::borrow::Cow::into_owned),
        }
    }

    /// The text with marks where bytes do not decode: for searching only, never to be stored or sent.
    pub(crate) fn decode_for_search(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Windows31J => SHIFT_JIS.decode_without_bom_handling(bytes).0.into_owned(),
        }
    }
}
