//! Hosts and their groups, as the toolkit reads them out of `resourceconfig.json`.

use std::collections::BTreeMap;

use crate::training::exact::Exact;
use crate::training::job::Resources;

/// Its group's name where there is only one.
const ONLY_GROUP: &str = "homogeneousCluster";
/// Hyperparameters any of which says that the hosts of the own group work together.
const TOGETHER: [&str; 7] = [
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
];

/// Who is there.
pub(super) struct Hosts {
    pub(super) instance_type: String,
    /// The own group's name.
    pub(super) group: String,
    /// Its hosts.
    pub(super) of_group: Exact,
    /// Every group by name, as it came.
    pub(super) groups: BTreeMap<String, Exact>,
    /// The groups whose hosts work together.
    pub(super) distribution_groups: Exact,
    /// Their hosts.
    pub(super) distribution: Vec<String>,
    pub(super) master: String,
    pub(super) topology: Exact,
}

impl Hosts {
    pub(super) fn of(resources: &Resources, framework: &BTreeMap<String, Exact>) -> Self {
        let document = &resources.document;
        let said = |name: &str, otherwise: &str| {
            let said = document.get(name).and_then(Exact::as_text);
            said.unwrap_or(otherwise).to_owned()
        };
        let listed = document.get("instance_groups").map_or(&[][..], Exact::elements);
        let name_of = |group: &Exact| group.get("instance_group_name")?.as_text().map(str::to_owned);
        let hosts_of = |group: &Exact| group.get("hosts").cloned().unwrap_or_else(none);

        let group = said("current_group_name", ONLY_GROUP);
        let own = listed.iter().find(|one| name_of(one).as_ref() == Some(&group));
        let distribution_groups = match framework.get("sagemaker_distribution_instance_groups") {
            Some(named) => named.clone(),
            None if TOGETHER
                .iter()
                .any(|name| framework.get(*name).is_some_and(Exact::is_true)) =>
            {
                Exact::texts([group.clone()])
            }
            None => none(),
        };
        let distribution: Vec<String> = if listed.is_empty() {
            resources.hosts.clone()
        } else {
            let works = |one: &&Exact| {
                let name = name_of(one).map(Exact::Text);
                name.is_some_and(|name| distribution_groups.elements().contains(&name))
            };
            let hosts = listed.iter().filter(works).map(hosts_of);
            hosts.flat_map(|hosts| texts(&hosts)).collect()
        };
        let first = distribution.first().or_else(|| resources.hosts.first());
        Self {
            instance_type: said("current_instance_type", "local"),
            of_group: own.map_or_else(none, hosts_of),
            groups: listed
                .iter()
                .filter_map(|one| Some((name_of(one)?, one.clone())))
                .collect(),
            distribution_groups,
            master: first.cloned().unwrap_or_default(),
            distribution,
            topology: document.get("topology").cloned().unwrap_or_else(none),
            group,
        }
    }
}

fn none() -> Exact {
    Exact::List(Vec::new())
}

fn texts(list: &Exact) -> Vec<String> {
    let texts = list.elements().iter().filter_map(Exact::as_text);
    texts.map(str::to_owned).collect()
}
