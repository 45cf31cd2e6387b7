//! What this machine has to compute with.

use std::fs;
use std::process::{Command, Stdio};

use crate::training::child;
use crate::training::exact::Exact;

/// Says what Neuron devices there are; part of the images for them.
const NEURON_LS: &str = "neuron-ls";

/// Processors that may be used.
pub(super) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Devices of NVIDIA's.
pub(super) fn gpus() -> usize {
    devices("nvidia")
}

/// Cores of AWS's Neuron devices.
pub(super) fn neurons(instance_type: &str) -> u64 {
    if instance_type.contains("trn2.48xlarge") {
        return 64;
    }
    if devices("neuron") == 0 || !child::is_on_path(NEURON_LS.as_ref()) {
        return 0;
    }
    let listed = Command::new(NEURON_LS).arg("-j").stdin(Stdio::null()).output().ok();
    let listed = listed.and_then(|listed| Exact::read(&String::from_utf8_lossy(&listed.stdout)));
    let cores = |device: &Exact| device.get("nc_count")?.json().parse::<u64>().ok();
    listed.map_or(0, |listed| listed.elements().iter().filter_map(cores).sum())
}

/// `/dev/NAME0` and so on.
fn devices(name: &str) -> usize {
    let is_one = |file: &str| {
        let number = file.strip_prefix(name);
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    fs::read_dir("/dev").map_or(0, |entries| {
        let names = entries.flatten().map(|entry| entry.file_name());
        names.filter(|file| file.to_str().is_some_and(is_one)).count()
    })
}
