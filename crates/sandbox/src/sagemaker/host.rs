//! A job's hosts: what SageMaker tells each of them, what each gets of a source, and where their names lead.
//!
//! All are processes of this machine. A job's hosts have addresses of their own on its loopback, so that what they listen at
//! meets neither each other's nor another job's ports.

use std::io;

use serde_json::{Map, Value, json};

use super::super::world::World;
use super::channel::Share;
use super::folder::Folder;
use super::request::{Containers, Group, Processing, Source, Training};

/// One of a job's hosts.
pub(super) struct Host {
    /// `algo-1`, …
    pub(super) name: String,
    pub(super) folder: Folder,
    group: Group,
}

/// All of them, in the order of their names' numbers.
pub(super) struct Hosts {
    all: Vec<Host>,
    /// The two middle bytes of their addresses.
    network: [u8; 2],
}

impl Hosts {
    /// New ones, with folders.
    pub(super) fn new(world: &World, containers: &Containers) -> io::Result<Self> {
        let groups = containers.groups.iter();
        let each = groups.flat_map(|group| std::iter::repeat_n(group, group.count));
        let all = each
            .enumerate()
            .map(|(index, group)| {
                Ok(Host {
                    name: format!("algo-{}", index + 1),
                    folder: Folder::new(world, containers.kind.folders())?,
                    group: group.clone(),
                })
            })
            .collect::<io::Result<_>>()?;
        // The machine's own names are in 127.0.0 and 127.0.1.
        let network = [fastrand::u8(1..255), fastrand::u8(..)];
        Ok(Self { all, network })
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Host> {
        self.all.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Names with their addresses.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (&str, String)> {
        let [second, third] = self.network;
        let numbered = self.all.iter().zip(1..);
        numbered.map(move |(host, number): (&Host, u8)| (&*host.name, format!("127.{second}.{third}.{number}")))
    }

    /// The same as `/etc/hosts` has them.
    pub(super) fn names(&self) -> String {
        let line = |(name, address): (&str, String)| format!("{address} {name}\n");
        self.addresses().map(line).collect()
    }

    /// What a host gets of a source; none if that is for other groups of instances.
    pub(super) fn share(&self, host: &Host, source: &Source) -> Option<Share> {
        let is_for = |host: &&Host| source.groups.is_empty() || source.groups.contains(&host.group.name);
        let takers: Vec<&str> = self.all.iter().filter(is_for).map(|host| &*host.name).collect();
        let nth = takers.iter().position(|name| *name == host.name)?;
        Some(if source.is_sharded {
            let of = takers.len();
            Share { nth, of }
        } else {
            Share::WHOLE
        })
    }

    /// Writes what SageMaker tells a host of a training job.
    pub(super) fn prepare(&self, host: &Host, training: &Training) -> io::Result<()> {
        let config = host.folder.root.join("input/config");
        let write = |name: &str, value: &Value| std::fs::write(config.join(name), value.to_string());
        write("hyperparameters.json", &json!(training.hyperparameters))?;
        let names = |of: &dyn Fn(&Host) -> bool| {
            let some = self.all.iter().filter(|host| of(host));
            some.map(|host| json!(host.name)).collect::<Value>()
        };
        let groups: Value = training
            .containers
            .groups
            .iter()
            .map(|group| {
                json!({
                    "instance_group_name": group.name,
                    "instance_type": group.instance_type,
                    "hosts": names(&|host| host.group.name == group.name),
                })
            })
            .collect();
        let resources = json!({
            "current_host": host.name,
            "current_instance_type": host.group.instance_type,
            "current_group_name": host.group.name,
            "hosts": names(&|_| true),
            "instance_groups": groups,
            // Where their addresses are.
            "network_interface_name": "lo",
        });
        // AWS's documentation spells it the one way, its containers the other.
        write("resourceconfig.json", &resources)?;
        write("resourceConfig.json", &resources)?;
        let channels = training.channels.iter();
        let inputs: Map<String, Value> = channels
            .filter(|channel| self.share(host, &channel.source).is_some())
            .map(|channel| (channel.name.clone(), channel.config.clone()))
            .collect();
        write("inputdataconfig.json", &Value::Object(inputs))
    }

    /// The same of a processing job, whose ARN this is.
    pub(super) fn prepare_processing(&self, host: &Host, processing: &Processing, arn: &str) -> io::Result<()> {
        let config = host.folder.root.join("config");
        let write = |name: &str, value: &Value| std::fs::write(config.join(name), value.to_string());
        let hosts: Vec<&str> = self.all.iter().map(|host| &*host.name).collect();
        write(
            "resourceconfig.json",
            &json!({ "current_host": host.name, "hosts": hosts }),
        )?;
        let mut told = processing.config.clone();
        told["ProcessingJobArn"] = json!(arn);
        write("processingjobconfig.json", &told)
    }
}
