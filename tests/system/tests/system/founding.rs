//! What a body and the platform know at first, changed by a test before anything starts: more entries, or other ones,
//! signed as before.

use std::time::Duration;

use chukei_harness::layout::Layout;
use chukei_ops::pki::Pki;

/// Changes the founding document of `body` and has the offline root sign it anew.
pub(crate) fn refounded(layout: &Layout, body: &str, change: impl FnOnce(String) -> String) {
    let dir = layout.dir().join("pki");
    let text = std::fs::read_to_string(dir.join(format!("founding-{body}.toml"))).unwrap();
    let pki = Pki::open(&dir).unwrap();
    pki.write_founding(body.parse().unwrap(), &change(text), layout.clock().now_ms()).unwrap();
}

/// Changes the platform's register and has the offline root sign it anew.
pub(crate) fn with_platform(layout: &Layout, change: impl FnOnce(String) -> String) {
    let dir = layout.dir().join("pki");
    let text = std::fs::read_to_string(dir.join("platform.toml")).unwrap();
    Pki::open(&dir).unwrap().write_platform(&change(text)).unwrap();
}

/// A moment so many days from the stack's now, as a register has it.
pub(crate) fn moment(layout: &Layout, days: i64) -> String {
    let day = i64::try_from(Duration::from_hours(24).as_millis()).unwrap();
    let ms = i64::try_from(layout.clock().now_ms()).unwrap() + days * day;
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
}
