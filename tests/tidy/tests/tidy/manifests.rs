//! Every manifest below `k8s/` parses as the type it says it is, and keeps the rules for what runs in a cluster.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    Container, HTTPGetAction, Namespace, PodSpec, Probe, Service, ServiceAccount, VolumeMount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::repository;

/// All objects of the base, by kind.
#[derive(Default)]
struct Base {
    namespaces: Vec<Namespace>,
    accounts: Vec<ServiceAccount>,
    stateful_sets: Vec<StatefulSet>,
    services: Vec<Service>,
    policies: Vec<NetworkPolicy>,
    budgets: Vec<PodDisruptionBudget>,
}

/// Reads `document` as `T` and refuses members `T` does not know: a misspelt guard would be no guard.
fn typed<T: DeserializeOwned + serde::Serialize>(document: &Value, path: &str) -> T {
    let object: T =
        serde_json::from_value(document.clone()).unwrap_or_else(|error| panic!("{path}: {error}"));
    let known = serde_json::to_value(&object).unwrap();
    let lost = lost_members(document, &known, "");
    assert!(lost.is_empty(), "{path}: unknown members {lost:?}");
    object
}

fn lost_members(written: &Value, known: &Value, at: &str) -> Vec<String> {
    match (written, known) {
        (Value::Object(written), Value::Object(known)) => written
            .iter()
            .flat_map(|(name, value)| match known.get(name) {
                Some(known) => lost_members(value, known, &format!("{at}.{name}")),
                None => vec![format!("{at}.{name}")],
            })
            .collect(),
        (Value::Array(written), Value::Array(known)) => {
            written.iter().zip(known).flat_map(|(value, known)| lost_members(value, known, at)).collect()
        }
        _ => Vec::new(),
    }
}

fn documents(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&repository::read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn kustomization() -> Value {
    documents("k8s/base/kustomization.yaml").remove(0)
}

fn base() -> Base {
    let mut base = Base::default();
    for resource in kustomization()["resources"].as_array().unwrap() {
        let path = format!("k8s/base/{}", resource.as_str().unwrap());
        for document in documents(&path) {
            match document["kind"].as_str().unwrap() {
                "Namespace" => base.namespaces.push(typed(&document, &path)),
                "ServiceAccount" => base.accounts.push(typed(&document, &path)),
                "StatefulSet" => base.stateful_sets.push(typed(&document, &path)),
                "Service" => base.services.push(typed(&document, &path)),
                "NetworkPolicy" => base.policies.push(typed(&document, &path)),
                "PodDisruptionBudget" => base.budgets.push(typed(&document, &path)),
                other => panic!("{path}: no check knows the kind {other}"),
            }
        }
    }
    base
}

fn pod(set: &StatefulSet) -> &PodSpec {
    set.spec.as_ref().unwrap().template.spec.as_ref().unwrap()
}

fn containers(base: &Base) -> impl Iterator<Item = &Container> {
    base.stateful_sets.iter().flat_map(|set| &pod(set).containers)
}

fn http(probe: Option<&Probe>) -> &HTTPGetAction {
    probe.and_then(|probe| probe.http_get.as_ref()).expect("an HTTP probe")
}

#[test]
fn every_manifest_is_listed_and_every_listed_file_exists() {
    let kustomization = kustomization();
    let mut listed: BTreeSet<String> = kustomization["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry.as_str().unwrap().into())
        .collect();
    listed.insert("kustomization.yaml".into());
    let present: BTreeSet<String> = repository::files("yaml")
        .iter()
        .filter_map(|path| path.strip_prefix("k8s/base").ok())
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed, present);
}

#[test]
fn both_roles_run_with_their_own_volumes() {
    let base = base();
    let names: BTreeSet<&str> =
        base.stateful_sets.iter().map(|set| set.metadata.name.as_deref().unwrap()).collect();
    assert_eq!(names, BTreeSet::from(["chukei-broker", "chukei-node"]));
    for set in &base.stateful_sets {
        let claims = set.spec.as_ref().unwrap().volume_claim_templates.as_ref().unwrap();
        for claim in claims {
            let claim = claim.spec.as_ref().unwrap();
            assert!(claim.resources.as_ref().unwrap().requests.as_ref().unwrap().contains_key("storage"));
            // One owner of the data folder, held by the cluster too.
            assert_eq!(claim.access_modes.as_deref().unwrap(), ["ReadWriteOncePod"]);
        }
        let mounts = pod(set).containers[0].volume_mounts.as_ref().unwrap();
        // Epochs lie apart from the data, so that a copy of the data's volume does not bring destroyed keys back.
        for (volume, path) in [("data", "/var/lib/chukei"), ("epochs", "/var/lib/chukei-epochs")] {
            assert!(claims.iter().any(|claim| claim.metadata.name.as_deref() == Some(volume)));
            assert!(mounts.iter().any(|mount| mount.name == volume && mount.mount_path == path));
        }
    }
}

#[test]
fn probes_ask_the_metrics_port() {
    for container in containers(&base()) {
        let port = IntOrString::String("metrics".into());
        let live = http(container.liveness_probe.as_ref());
        let ready = http(container.readiness_probe.as_ref());
        let started = http(container.startup_probe.as_ref());
        assert_eq!((live.path.as_deref(), &live.port), (Some("/healthz"), &port));
        assert_eq!((ready.path.as_deref(), &ready.port), (Some("/readyz"), &port));
        assert_eq!((started.path.as_deref(), &started.port), (Some("/healthz"), &port));
        let named =
            container.ports.as_ref().unwrap().iter().any(|port| port.name.as_deref() == Some("metrics"));
        assert!(named, "{} has no port called metrics", container.name);
    }
}

#[test]
fn nothing_runs_as_root_or_can_become_more_than_it_is() {
    let base = base();
    for set in &base.stateful_sets {
        let pod = pod(set);
        let context = pod.security_context.as_ref().unwrap();
        assert_eq!(context.run_as_non_root, Some(true));
        assert!(context.run_as_user.unwrap() > 0 && context.run_as_group.unwrap() > 0);
        assert_eq!(context.seccomp_profile.as_ref().unwrap().type_, "RuntimeDefault");
        assert_eq!(pod.automount_service_account_token, Some(false));
        assert_eq!(pod.enable_service_links, Some(false));
        assert!(!pod.host_network.unwrap_or_default() && !pod.host_pid.unwrap_or_default());
        assert!(pod.init_containers.as_ref().is_none_or(Vec::is_empty));
    }
    for container in containers(&base) {
        let context = container.security_context.as_ref().unwrap();
        assert_eq!(context.allow_privilege_escalation, Some(false));
        assert_eq!(context.read_only_root_filesystem, Some(true));
        let capabilities = context.capabilities.as_ref().unwrap();
        assert_eq!(capabilities.drop.as_deref().unwrap(), ["ALL"]);
        assert!(capabilities.add.is_none());
    }
    for account in &base.accounts {
        assert_eq!(account.automount_service_account_token, Some(false));
    }
    let labels = base.namespaces[0].metadata.labels.as_ref().unwrap();
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
}

#[test]
fn every_container_states_its_resources() {
    for container in containers(&base()) {
        let resources = container.resources.as_ref().unwrap();
        let requests = resources.requests.as_ref().unwrap();
        assert!(requests.contains_key("cpu") && requests.contains_key("memory"));
        assert!(resources.limits.as_ref().unwrap().contains_key("memory"));
    }
}

#[test]
fn secrets_are_mounted_files_and_never_environment() {
    let base = base();
    for container in containers(&base) {
        assert!(container.env.as_ref().is_none_or(Vec::is_empty));
        assert!(container.env_from.as_ref().is_none_or(Vec::is_empty));
    }
    for set in &base.stateful_sets {
        for volume in pod(set).volumes.as_ref().unwrap() {
            let Some(secret) = &volume.secret else { continue };
            assert_eq!(
                secret.default_mode.unwrap() & 0o337,
                0,
                "secret files are readable by their group at most"
            );
        }
    }
}

#[test]
fn peers_arrive_over_udp_and_before_readiness() {
    let base = base();
    let mut udp = BTreeMap::new();
    for service in &base.services {
        let name = service.metadata.name.as_deref().unwrap();
        let spec = service.spec.as_ref().unwrap();
        assert_eq!(spec.type_.as_deref(), Some("ClusterIP"), "{name} is not reachable from outside");
        for port in spec.ports.as_ref().unwrap() {
            if port.protocol.as_deref() == Some("UDP") {
                // Ready means connected: were only ready addresses published, nobody could ever connect.
                assert_eq!(spec.publish_not_ready_addresses, Some(true));
                udp.insert(name, port.port);
            }
        }
    }
    assert_eq!(udp, BTreeMap::from([("chukei-broker", 7301), ("chukei-node", 7401)]));
    for container in containers(&base) {
        let has_udp =
            container.ports.as_ref().unwrap().iter().any(|port| port.protocol.as_deref() == Some("UDP"));
        assert!(has_udp, "{}", container.name);
    }
}

#[test]
fn services_and_budgets_select_pods_that_exist() {
    let base = base();
    let pods: Vec<&BTreeMap<String, String>> = base
        .stateful_sets
        .iter()
        .map(|set| set.spec.as_ref().unwrap().template.metadata.as_ref().unwrap().labels.as_ref().unwrap())
        .collect();
    let selects_one = |selector: &BTreeMap<String, String>| {
        pods.iter().any(|labels| selector.iter().all(|(name, value)| labels.get(name) == Some(value)))
    };
    for service in &base.services {
        assert!(selects_one(service.spec.as_ref().unwrap().selector.as_ref().unwrap()));
    }
    assert_eq!(base.budgets.len(), base.stateful_sets.len());
    for budget in &base.budgets {
        let spec = budget.spec.as_ref().unwrap();
        assert!(selects_one(spec.selector.as_ref().unwrap().match_labels.as_ref().unwrap()));
        assert_eq!(spec.min_available, Some(IntOrString::Int(1)));
    }
}

#[test]
fn r44_everything_is_denied_that_is_not_named() {
    let base = base();
    let denies_all = base.policies.iter().any(|policy| {
        let spec = policy.spec.as_ref().unwrap();
        let both = ["Ingress", "Egress"].map(str::to_owned);
        let everything = spec.pod_selector.as_ref().is_none_or(|selector| *selector == Default::default());
        everything
            && spec.policy_types.as_deref() == Some(&both)
            && spec.ingress.is_none()
            && spec.egress.is_none()
    });
    assert!(denies_all, "no policy denies everything");
    for policy in &base.policies {
        let spec = policy.spec.as_ref().unwrap();
        for rule in spec.egress.iter().flatten() {
            let peers = rule.to.as_ref().expect("an egress rule without peers reaches the internet");
            assert!(!peers.is_empty() && peers.iter().all(|peer| peer.ip_block.is_none()));
            assert!(rule.ports.as_ref().is_some_and(|ports| !ports.is_empty()));
        }
        for rule in spec.ingress.iter().flatten() {
            assert!(rule.from.as_ref().is_some_and(|peers| !peers.is_empty()));
            assert!(rule.ports.as_ref().is_some_and(|ports| !ports.is_empty()));
        }
    }
}

#[test]
fn nodes_dial_the_fixed_address_of_the_broker() {
    let base = base();
    let service =
        base.services.iter().find(|service| service.metadata.name.as_deref() == Some("chukei-broker"));
    let spec = service.unwrap().spec.as_ref().unwrap();
    let address = format!("{}:{}", spec.cluster_ip.as_deref().unwrap(), spec.ports.as_ref().unwrap()[0].port);
    let config = repository::read_toml("k8s/base/config/node.toml");
    assert_eq!(config["brokers"][0]["address"].as_str().unwrap(), address);
}

#[test]
fn configurations_are_generated_from_files_and_name_the_exposed_ports() {
    let kustomization = kustomization();
    for (role, transport) in [("broker", "relay"), ("node", "staff")] {
        let name = format!("chukei-{role}-config");
        let generator = kustomization["configMapGenerator"].as_array().unwrap();
        assert!(generator.iter().any(|entry| entry["name"] == name.as_str()), "{name} is not generated");
        let config = repository::read_toml(&format!("k8s/base/config/{role}.toml"));
        assert!(!config.contains_key("development"), "a cluster is no development machine");
        let base = base();
        let container = containers(&base).find(|container| container.name == role).unwrap();
        for (listener, port) in [(transport, transport), ("metrics", "metrics")] {
            let address = config["listen"][listener].as_str().unwrap();
            let ports = container.ports.as_ref().unwrap();
            let exposed = ports.iter().find(|entry| entry.name.as_deref() == Some(port)).unwrap();
            assert!(address.ends_with(&format!(":{}", exposed.container_port)), "{role} {listener}");
        }
    }
}

/// Every file and folder that a configuration names, as the container sees it.
fn paths(value: &toml::Value, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => table.values().for_each(|value| paths(value, found)),
        toml::Value::Array(values) => values.iter().for_each(|value| paths(value, found)),
        toml::Value::String(text) if text.starts_with('/') => drop(found.insert(text.clone())),
        toml::Value::String(text) if text.starts_with("pki/") || text == "roots" => {
            found.insert(format!("/etc/chukei/{text}"));
        }
        _ => {}
    }
}

#[test]
fn what_a_configuration_names_is_mounted() {
    let base = base();
    for role in ["broker", "node"] {
        let config = repository::read_toml(&format!("k8s/base/config/{role}.toml"));
        let mut named = BTreeSet::new();
        paths(&toml::Value::Table(config), &mut named);
        assert!(named.len() > 8, "{role}: {named:?}");
        let container = containers(&base).find(|container| container.name == role).unwrap();
        let mounts = container.volume_mounts.as_ref().unwrap();
        for path in named {
            let within = |mount: &&VolumeMount| {
                path.strip_prefix(&mount.mount_path)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let mount = mounts.iter().find(within).unwrap_or_else(|| panic!("{role}: {path} is not mounted"));
            let of_cluster = path.starts_with("/etc/");
            assert_eq!(mount.read_only.unwrap_or_default(), of_cluster, "{role}: {path}");
        }
    }
}

#[test]
fn r6_the_node_knows_whom_its_bodies_and_its_platform_know_and_where_they_sit() {
    let config = repository::read_toml("k8s/base/config/node.toml");
    assert_eq!(config["platform"].as_str(), Some("pki/platform.toml"));
    for body in config["bodies"].as_array().unwrap() {
        let founding = format!("pki/founding-{}.toml", body["code"].as_str().unwrap());
        assert_eq!(body["founding"].as_str(), Some(founding.as_str()));
    }
    let closed = config["zones"]["closed"].as_array().unwrap();
    let here = |range: &toml::Value| {
        range.as_str().unwrap().starts_with("127.") || range.as_str() == Some("::1/128")
    };
    assert!(!closed.is_empty() && !closed.iter().any(here), "nobody sits in the pod: {closed:?}");
}
