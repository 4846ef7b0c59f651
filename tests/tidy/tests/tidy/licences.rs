//! Every package's licence expression can be met from the list in `deny.toml`.

use crate::repository;

/// Whether `expression` (SPDX, or the older `MIT/Apache-2.0` form) can be met with `allowed` alone.
fn is_met(expression: &str, allowed: &[&str]) -> bool {
    let expression = outer_parentheses_removed(expression.trim());
    for separator in [" OR ", "/"] {
        let parts = split_outside_parentheses(expression, separator);
        if parts.len() > 1 {
            return parts.iter().any(|part| is_met(part, allowed));
        }
    }
    let parts = split_outside_parentheses(expression, " AND ");
    if parts.len() > 1 {
        return parts.iter().all(|part| is_met(part, allowed));
    }
    allowed.contains(&expression)
}

fn outer_parentheses_removed(text: &str) -> &str {
    let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    inner.filter(|inner| !inner.contains(['(', ')'])).unwrap_or(text)
}

fn split_outside_parentheses<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(separator) {
        let before = &text[..at];
        if before.matches('(').count() == before.matches(')').count() {
            parts.push(&text[start..at]);
            start = at + separator.len();
        }
    }
    parts.push(&text[start..]);
    parts
}

#[test]
fn every_package_has_an_allowed_licence() {
    let deny = repository::read_toml("deny.toml");
    let allowed: Vec<&str> =
        deny["licenses"]["allow"].as_array().unwrap().iter().map(|entry| entry.as_str().unwrap()).collect();
    let wrong: Vec<String> = repository::metadata()
        .packages
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(|licence| is_met(licence, &allowed)))
        .map(|package| format!("{} {:?}", package.name, package.license))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn expressions_are_read_as_spdx_reads_them() {
    let allowed = ["MIT", "Unicode-3.0"];
    assert!(is_met("MIT OR GPL-3.0", &allowed));
    assert!(is_met("(MIT OR Apache-2.0) AND Unicode-3.0", &allowed));
    assert!(is_met("Unlicense/MIT", &allowed));
    assert!(!is_met("MIT AND GPL-3.0", &allowed));
    assert!(!is_met("(GPL-3.0 OR Apache-2.0) AND Unicode-3.0", &allowed));
    assert!(!is_met("GPL-3.0", &allowed));
}
