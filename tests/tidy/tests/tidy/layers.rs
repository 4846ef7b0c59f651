//! The layer table: a crate names only crates of lower layers, and some never meet some libraries. One edge runs
//! within a layer: keys name the store, for files that are replaced durably. Two crates of tests are below them all: the
//! power cuts, whose only users are tests of files, and the ports of what tests start.
//!
//! Development and build dependencies count as much as normal ones: a test that reaches over a layer is how the
//! layer is lost.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, PackageId};

use crate::repository;

/// What one crate may name directly, and what must not be reachable from it at all.
struct Layer {
    name: &'static str,
    may_name: &'static [&'static str],
    never_reaches: &'static [&'static str],
}

const NETWORK: &[&str] = &["quinn", "quinn-proto", "axum", "hyper", "chukei-relay-client", "chukei-wire"];
const BELOW_ROLES: &[&str] = &[
    "chukei-cbor",
    "chukei-crypto",
    "chukei-wire",
    "chukei-domain",
    "chukei-relay-client",
    "chukei-store",
    "chukei-keys",
    "chukei-access",
    // For their tests.
    "chukei-ports",
];
const ALL: &[&str] = &[
    "chukei-ports",
    "chukei-crypto",
    "chukei-wire",
    "chukei-domain",
    "chukei-relay-client",
    "chukei-store",
    "chukei-keys",
    "chukei-access",
    "chukei-node",
    "chukei-ops",
    "chukei-mock-portal",
    "chukei-harness",
    "chukei-postgres-server",
];
/// All but the ports, which are the first.
const ABOVE_PORTS: &[&str] = match ALL {
    [_, above @ ..] => above,
    [] => &[],
};
const TESTS: &[&str] =
    &["chukei-mock-portal", "chukei-harness", "chukei-demo", "chukei-system", "chukei-benches"];

const LAYERS: &[Layer] = &[
    Layer {
        name: "chukei-cbor",
        may_name: &[],
        never_reaches: &["tokio", "quinn", "quinn-proto", "mio", "socket2", "rusqlite", "jiff", "tracing"],
    },
    Layer {
        name: "chukei-crypto",
        may_name: &[],
        never_reaches: &["tokio", "quinn", "quinn-proto", "mio", "socket2", "rusqlite", "jiff", "tracing"],
    },
    Layer {
        name: "chukei-wire",
        may_name: &["chukei-cbor", "chukei-crypto"],
        never_reaches: &["tokio", "quinn", "quinn-proto", "mio", "socket2", "jiff", "tracing"],
    },
    Layer {
        name: "chukei-domain",
        may_name: &["chukei-cbor", "chukei-crypto"],
        never_reaches: &["chukei-wire", "tokio", "quinn", "rusqlite", "sled", "tokio-postgres", "tracing"],
    },
    Layer {
        name: "chukei-relay-client",
        may_name: &["chukei-wire", "chukei-crypto"],
        never_reaches: &["chukei-domain", "chukei-store", "rusqlite", "sled", "tokio-postgres"],
    },
    // The server and the recorder are for its tests.
    Layer {
        name: "chukei-store",
        may_name: &[
            "chukei-cbor",
            "chukei-domain",
            "chukei-crypto",
            "chukei-postgres-server",
            "chukei-power-cut",
        ],
        never_reaches: NETWORK,
    },
    Layer {
        name: "chukei-keys",
        may_name: &["chukei-store", "chukei-domain", "chukei-crypto", "chukei-power-cut"],
        never_reaches: NETWORK,
    },
    Layer {
        name: "chukei-access",
        may_name: &["chukei-crypto", "chukei-wire", "chukei-domain"],
        never_reaches: &[
            "tokio",
            "quinn",
            "quinn-proto",
            "rusqlite",
            "sled",
            "tokio-postgres",
            "chukei-store",
            "tracing",
        ],
    },
    Layer { name: "chukei-node", may_name: BELOW_ROLES, never_reaches: TESTS },
    // The server is for its tests.
    Layer {
        name: "chukei-ops",
        may_name: &[
            "chukei-crypto",
            "chukei-wire",
            "chukei-domain",
            "chukei-access",
            "chukei-relay-client",
            "chukei-store",
            "chukei-keys",
            "chukei-postgres-server",
        ],
        never_reaches: TESTS,
    },
    Layer { name: "chukei-mock-portal", may_name: ALL, never_reaches: &["chukei-demo", "chukei-system"] },
    Layer { name: "chukei-harness", may_name: ALL, never_reaches: &["chukei-demo", "chukei-system"] },
    Layer { name: "chukei-demo", may_name: ALL, never_reaches: &["chukei-system", "chukei-benches"] },
    Layer { name: "chukei-system", may_name: ALL, never_reaches: &["chukei-demo", "chukei-benches"] },
    Layer { name: "chukei-benches", may_name: ALL, never_reaches: &["chukei-demo", "chukei-system"] },
    Layer { name: "chukei-interop", may_name: &["chukei-crypto", "chukei-wire"], never_reaches: ALL },
    // What has fuzz targets.
    Layer {
        name: "chukei-fuzz-smoke",
        may_name: &["chukei-access", "chukei-crypto", "chukei-domain", "chukei-store", "chukei-wire"],
        never_reaches: ALL,
    },
    Layer { name: "chukei-ports", may_name: &[], never_reaches: ALL },
    Layer { name: "chukei-postgres-server", may_name: &["chukei-ports"], never_reaches: ABOVE_PORTS },
    Layer { name: "chukei-model", may_name: &[], never_reaches: ALL },
    Layer { name: "chukei-power-cut", may_name: &[], never_reaches: ALL },
    Layer { name: "chukei-tidy", may_name: &[], never_reaches: ALL },
];

#[test]
fn every_member_has_its_row_in_the_layer_table() {
    let metadata = repository::metadata();
    let members: BTreeSet<&str> =
        metadata.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    let rows: BTreeSet<&str> = LAYERS.iter().map(|layer| layer.name).collect();
    assert_eq!(members, rows);
}

#[test]
fn no_crate_names_a_crate_above_or_beside_it() {
    let metadata = repository::metadata();
    let mut wrong = Vec::new();
    for layer in LAYERS {
        let package =
            metadata.workspace_packages().into_iter().find(|package| package.name.as_str() == layer.name);
        for dependency in &package.unwrap().dependencies {
            let ours = dependency.name.starts_with("chukei-");
            if ours && !layer.may_name.contains(&dependency.name.as_str()) {
                wrong.push(format!("{} names {} ({})", layer.name, dependency.name, dependency.kind));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_a_layer_never_sees_cannot_be_reached_from_it() {
    let metadata = repository::metadata();
    let graph = Graph::of(&metadata);
    let mut wrong = Vec::new();
    for layer in LAYERS {
        let reached = graph.reached_from(layer.name);
        wrong.extend(
            layer
                .never_reaches
                .iter()
                .filter(|name| reached.contains(**name))
                .map(|name| format!("{} reaches {name}", layer.name)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_graph_walk_sees_indirect_dependencies() {
    let metadata = repository::metadata();
    let reached = Graph::of(&metadata).reached_from("chukei-relay-client");
    assert!(reached.contains("quinn-proto") && reached.contains("ring"), "{reached:?}");
}

#[test]
fn the_broker_uses_only_the_shared_parts_of_the_node() {
    let of_the_node = ["inbound", "outbound", "bodies", "expiry"];
    let mut wrong = Vec::new();
    for path in repository::files("rs").iter().filter(|path| path.starts_with("node/src/broker")) {
        let text = repository::read(path.to_str().unwrap());
        for module in of_the_node {
            if text.contains(&format!("crate::{module}")) {
                wrong.push(format!("{} uses {module}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The resolved graph: for each package, what it is built from.
struct Graph<'a> {
    names: BTreeMap<&'a PackageId, &'a str>,
    edges: BTreeMap<&'a PackageId, Vec<(&'a PackageId, bool)>>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a Metadata) -> Self {
        let names = metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
        let nodes = &metadata.resolve.as_ref().unwrap().nodes;
        let edges = nodes
            .iter()
            .map(|node| {
                let edges = node.deps.iter().map(|dep| {
                    let built = dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development);
                    (&dep.pkg, built)
                });
                (&node.id, edges.collect())
            })
            .collect();
        Self { names, edges }
    }

    /// Names reachable from `start` by what is built into it; its own tests' dependencies are not.
    fn reached_from(&self, start: &str) -> BTreeSet<&'a str> {
        let start = self.names.iter().find(|(_, name)| **name == start).map(|(id, _)| *id).unwrap();
        let mut reached = BTreeSet::new();
        let mut waiting = vec![start];
        while let Some(id) = waiting.pop() {
            for (next, built) in &self.edges[id] {
                if *built && reached.insert(self.names[next]) {
                    waiting.push(next);
                }
            }
        }
        reached
    }
}
