//! The variables of the sagemaker-training toolkit, pointing into the private folders.
//!
//! SageMaker itself sets none of them. Names and encodings are those of the toolkit's own `Environment`, so that a script
//! that it starts and one that is started without it find the same. A name with a hyphen, which no shell can say, is there
//! with an underscore too. Two are ours: `STRONGROOM_CHECKPOINT_DIR`, the private side of `/opt/ml/checkpoints`, and
//! `SAGEMAKER_BASE_DIR`, by which the toolkit itself finds the private tree.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::Path;

use self::hosts::Hosts;
use super::exact::Exact;
use super::job::Job;
use super::workspace::Workspace;

mod hosts;
mod machine;

/// What begins so is for the toolkit and not for the script.
const OF_TOOLKIT: &str = "sagemaker_";
/// What the toolkit keeps to itself beside those.
const KEPT: [&str; 2] = ["_tuning_objective_metric", "default_user_module_name"];
/// What begins with [`OF_TOOLKIT`] and is told to nobody.
const UNTOLD: [&str; 7] = [
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "sagemaker_s3_output",
];
/// Python's `logging.INFO`.
const INFO: &str = "20";

/// What COMMAND's environment gets beside ours.
pub(crate) fn variables(job: &Job, workspace: &Workspace) -> BTreeMap<String, OsString> {
    let toolkit = Toolkit::of(job, workspace);
    let mut all: BTreeMap<String, OsString> = BTreeMap::new();
    let mut set = |name: String, value: &Exact| {
        let value: OsString = value.variable().into();
        let spoken = name.replace('-', "_");
        all.entry(spoken).or_insert_with(|| value.clone());
        all.insert(name, value);
    };
    for (name, value) in toolkit.told() {
        set(format!("SM_{}", name.to_uppercase()), &value);
    }
    for (name, value) in &toolkit.channels {
        set(format!("SM_CHANNEL_{}", name.to_uppercase()), value);
    }
    for (name, value) in &toolkit.script {
        set(format!("SM_HP_{}", name.to_uppercase()), value);
    }
    for (name, value) in [
        ("CURRENT_HOST", Exact::Text(job.resources.current_host.clone())),
        ("SAGEMAKER_JOB_NAME", toolkit.own("sagemaker_job_name")),
        ("SAGEMAKER_REGION", toolkit.region()),
    ] {
        set(name.to_owned(), &value);
    }
    all.insert("SAGEMAKER_BASE_DIR".to_owned(), workspace.root().into());
    all.insert("STRONGROOM_CHECKPOINT_DIR".to_owned(), workspace.checkpoints().into());
    // A NUL or `=` in a hyperparameter's name cannot be said in an environment.
    all.retain(|name, value| !name.contains(['=', '\0']) && !value.as_encoded_bytes().contains(&0));
    all
}

/// What the toolkit makes of a job.
struct Toolkit<'a> {
    job: &'a Job,
    workspace: &'a Workspace,
    /// Hyperparameters that are the toolkit's.
    own: BTreeMap<String, Exact>,
    /// Those that are the script's.
    script: BTreeMap<String, Exact>,
    /// Of the former, those that are told all the same.
    framework: BTreeMap<String, Exact>,
    /// Each channel's folder.
    channels: BTreeMap<String, Exact>,
    hosts: Hosts,
}

impl<'a> Toolkit<'a> {
    fn of(job: &'a Job, workspace: &'a Workspace) -> Self {
        let is_own = |name: &str| name.starts_with(OF_TOOLKIT) || KEPT.contains(&name);
        let (own, script): (BTreeMap<_, _>, _) = job
            .hyperparameters_of_command()
            .into_iter()
            .partition(|(name, _)| is_own(name));
        let mut framework = own.clone();
        framework.retain(|name, _| !UNTOLD.contains(&&**name) && !KEPT.contains(&&**name));
        let channels = job.channels.keys();
        Self {
            job,
            workspace,
            hosts: Hosts::of(&job.resources, &framework),
            own,
            script,
            framework,
            channels: channels
                .map(|name| (name.clone(), path(&workspace.channel(name))))
                .collect(),
        }
    }

    /// A variable each.
    fn told(&self) -> BTreeMap<&'static str, Exact> {
        let mut told = self.facts();
        let arguments = self.script.iter().flat_map(|(name, value)| {
            let dashes = if name.chars().count() == 1 { "-" } else { "--" };
            [format!("{dashes}{name}"), value.argument()]
        });
        told.extend([
            ("hps", Exact::Map(self.script.clone())),
            ("framework_params", Exact::Map(self.framework.clone())),
            ("channels", Exact::texts(self.channels.keys().cloned())),
            ("user_args", Exact::texts(arguments)),
            ("training_env", Exact::Map(self.whole())),
        ]);
        if !self.hosts.topology.elements().is_empty() {
            told.insert("topology", self.hosts.topology.clone());
        }
        told
    }

    /// All in one document: what the toolkit's `Environment` is as a mapping.
    fn whole(&self) -> BTreeMap<String, Exact> {
        let mut whole: BTreeMap<_, _> = self
            .facts()
            .into_iter()
            .map(|(name, fact)| (name.to_owned(), fact))
            .collect();
        let parallel = env::var("SM_HP_MP_PARAMETERS").ok().filter(|value| !value.is_empty());
        let on_path = |program: &str| Exact::Bool(super::child::is_on_path(program.as_ref()));
        let more = [
            ("hyperparameters", Exact::Map(self.script.clone())),
            ("additional_framework_parameters", Exact::Map(self.framework.clone())),
            ("channel_input_dirs", Exact::Map(self.channels.clone())),
            ("distribution_hosts", Exact::texts(self.hosts.distribution.clone())),
            ("master_hostname", Exact::Text(self.hosts.master.clone())),
            (
                "is_master",
                Exact::Bool(self.hosts.master == self.job.resources.current_host),
            ),
            ("job_name", given("TRAINING_JOB_NAME")),
            (
                "is_modelparallel_enabled",
                parallel.map_or(Exact::Null, |value| Exact::Bool(value != "{}")),
            ),
            ("is_smddprun_installed", on_path("smddprun")),
            ("is_smddpmprun_installed", on_path("smddpmprun")),
            ("topology", self.hosts.topology.clone()),
        ];
        whole.extend(more.map(|(name, fact)| (name.to_owned(), fact)));
        whole
    }

    /// What both have under the same names.
    fn facts(&self) -> BTreeMap<&'static str, Exact> {
        let (hosts, workspace, resources) = (&self.hosts, self.workspace, &self.job.resources);
        let interface = resources.document.get("network_interface_name").cloned();
        let program = env::var("SAGEMAKER_PROGRAM").ok().map(Exact::Text);
        let program = program.unwrap_or_else(|| self.own("sagemaker_program"));
        // The toolkit's own word where there is none.
        let module = match &program {
            Exact::Null => "None".to_owned(),
            named => named.variable(),
        };
        let submitted = match self.own("sagemaker_submit_directory") {
            Exact::Null => path(&workspace.code()),
            directory => Exact::Text(directory.variable()),
        };
        let level = self.own.get("sagemaker_container_log_level").cloned();
        BTreeMap::from([
            ("hosts", Exact::texts(resources.hosts.clone())),
            ("current_host", Exact::Text(resources.current_host.clone())),
            (
                "network_interface_name",
                interface.unwrap_or_else(|| Exact::Text("eth0".to_owned())),
            ),
            ("current_instance_type", Exact::Text(hosts.instance_type.clone())),
            ("current_instance_group", Exact::Text(hosts.group.clone())),
            ("current_instance_group_hosts", hosts.of_group.clone()),
            ("instance_groups", Exact::texts(hosts.groups.keys().cloned())),
            ("instance_groups_dict", Exact::Map(hosts.groups.clone())),
            ("distribution_instance_groups", hosts.distribution_groups.clone()),
            ("is_hetero", Exact::Bool(hosts.groups.len() > 1)),
            ("user_entry_point", program),
            (
                "module_name",
                Exact::Text(module.strip_suffix(".py").unwrap_or(&module).to_owned()),
            ),
            ("module_dir", submitted),
            ("log_level", level.unwrap_or_else(|| Exact::Number(INFO.to_owned()))),
            ("framework_module", given("SAGEMAKER_TRAINING_MODULE")),
            ("resource_config", Exact::Map(resources.document.clone())),
            ("input_data_config", Exact::Map(self.job.inputs())),
            ("input_dir", path(&workspace.root().join("input"))),
            ("input_config_dir", path(&workspace.config())),
            ("output_dir", path(&workspace.output())),
            ("output_data_dir", path(&workspace.output_data())),
            ("output_intermediate_dir", path(&workspace.intermediate())),
            ("model_dir", path(&workspace.model())),
            ("num_cpus", Exact::Number(machine::cpus().to_string())),
            ("num_gpus", Exact::Number(machine::gpus().to_string())),
            (
                "num_neurons",
                Exact::Number(machine::neurons(&hosts.instance_type).to_string()),
            ),
        ])
    }

    fn own(&self, name: &str) -> Exact {
        self.own.get(name).cloned().unwrap_or(Exact::Null)
    }

    fn region(&self) -> Exact {
        match self.own("sagemaker_region") {
            Exact::Null => match given("AWS_REGION") {
                Exact::Null => given("AWS_DEFAULT_REGION"),
                region => region,
            },
            region => region,
        }
    }
}

fn given(name: &str) -> Exact {
    env::var(name).map_or(Exact::Null, Exact::Text)
}

fn path(path: &Path) -> Exact {
    Exact::Text(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
