//! What a layout writes is what the roles read; and so are the configurations of the Kubernetes base.

use std::path::Path;

use chukei_node::config::broker::BrokerConfig;
use chukei_node::config::serve::NodeConfig;

use super::*;
use crate::folder::EvidenceFolder;

#[test]
fn every_configuration_of_a_layout_loads() {
    let folder = EvidenceFolder::new("layout").unwrap();
    let layout = Layout::open_or_create(folder.path()).unwrap();
    let node = NodeConfig::load(&layout.config(Role::Node)).unwrap();
    let broker = BrokerConfig::load(&layout.config(Role::Broker)).unwrap();
    assert_eq!(node.brokers[0].address, broker.listen.relay);
    let codes: Vec<String> = node.bodies.iter().map(|body| body.code.to_string()).collect();
    assert_eq!(codes, BODIES.map(|body| body.code));
    assert!(BODIES.iter().all(|body| layout.staff_config(body.code).exists()));
}

#[test]
fn an_earlier_layout_is_opened_as_it_is() {
    let folder = EvidenceFolder::new("layout-again").unwrap();
    assert!(!Layout::exists(folder.path()));
    let first = Layout::open_or_create(folder.path()).unwrap();
    assert!(Layout::exists(folder.path()));
    let keys = std::fs::read(folder.path().join("pki/ca.pem")).unwrap();
    let second = Layout::open_or_create(folder.path()).unwrap();
    assert!(Role::ALL.iter().all(|role| first.metrics(*role) == second.metrics(*role)));
    assert_eq!(std::fs::read(folder.path().join("pki/ca.pem")).unwrap(), keys);
}

#[test]
fn the_configurations_of_the_kubernetes_base_load() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../k8s/base/config");
    let node = NodeConfig::load(&base.join("node.toml")).unwrap();
    let broker = BrokerConfig::load(&base.join("broker.toml")).unwrap();
    assert!(!node.development && !broker.development);
    assert_eq!(node.brokers[0].name, broker.name);
}
