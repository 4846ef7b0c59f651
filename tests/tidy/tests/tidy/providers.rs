//! One cryptographic core (R21): AWS-LC is met by the interoperability tests and by nothing else, and rustls is
//! never left to choose between two providers.

use crate::repository;

const INTEROP: &str = "chukei-interop";
/// Calls that take whatever provider rustls finds in the process.
const PROVIDER_LEFT_OPEN: &[&str] = &[
    concat!("ClientConfig::", "builder()"),
    concat!("ServerConfig::", "builder()"),
    concat!("CryptoProvider::", "get_default"),
    concat!(".install_", "default()"),
];

fn names_aws_lc(dependency: &cargo_metadata::Dependency) -> bool {
    dependency.name.starts_with("aws-lc") || dependency.features.iter().any(|name| name.contains("aws"))
}

#[test]
fn only_the_interoperability_tests_name_aws_lc() {
    let metadata = repository::metadata();
    let mut named_by = Vec::new();
    for package in metadata.workspace_packages() {
        for dependency in package.dependencies.iter().filter(|dependency| names_aws_lc(dependency)) {
            assert_eq!(dependency.kind, cargo_metadata::DependencyKind::Development, "{}", package.name);
            named_by.push(package.name.as_str());
        }
    }
    assert_eq!(named_by, [INTEROP]);
}

#[test]
fn nothing_that_ships_is_linked_with_aws_lc() {
    let shipped = repository::shipped_packages();
    assert!(shipped.iter().any(|name| name == "rustls"), "the listing of packages is empty");
    let wrong: Vec<_> = shipped.iter().filter(|name| name.starts_with("aws-lc")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn rustls_is_always_told_its_provider() {
    let mut wrong = Vec::new();
    for path in repository::files("rs") {
        let name = path.to_str().unwrap();
        for (number, line) in repository::read(name).lines().enumerate() {
            if PROVIDER_LEFT_OPEN.iter().any(|call| line.contains(call)) {
                wrong.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
