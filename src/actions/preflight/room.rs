//! Whether a job's data has room on each of its hosts: plaintext in memory or on the volume, and the tokens, which SageMaker
//! puts on the volume before anything runs.

use super::runner::{blocks, well};
use crate::actions::jobs::Load;
use crate::domain::words::bytes;
use crate::domain::{Door, Finding, Instance, JobSpec, PlaintextPlace, WayOut, Weight};

/// The share of the memory that plaintext may take; the script needs the rest.
const PART: u64 = 2;

/// What one host gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Share {
    /// Where shared-out channels are shared out evenly, bytes.
    even: u64,
    /// Where one host gets the largest of their objects.
    most: u64,
}

impl Share {
    fn of(loads: &[Load], hosts: usize, bytes: impl Fn(u64) -> u64) -> Self {
        let mut share = Self::default();
        for load in loads {
            let mut sizes: Vec<u64> = load.sizes.iter().map(|size| bytes(*size)).collect();
            let all: u64 = sizes.iter().sum();
            if !load.is_sharded || hosts < 2 {
                share.even += all;
                share.most += all;
                continue;
            }
            // SageMaker shares out objects, whatever their sizes, and does not say which host gets which.
            sizes.sort_unstable_by(|one, other| other.cmp(one));
            share.even += all / hosts as u64;
            share.most += sizes.iter().take(sizes.len().div_ceil(hosts)).sum::<u64>();
        }
        share
    }

    fn plus(self, other: Self) -> Self {
        Self {
            even: self.even + other.even,
            most: self.most + other.most,
        }
    }

    fn words(self) -> String {
        if self.even == self.most {
            bytes(self.most)
        } else {
            format!("{} on the average and {} at most", bytes(self.even), bytes(self.most))
        }
    }

    /// How bad it is that there is only so much room.
    fn weight(self, room: u64) -> Weight {
        if self.even > room {
            Weight::Blocks
        } else if self.most > room {
            Weight::Warns
        } else {
            Weight::Well
        }
    }
}

/// What is known of the room of each host.
pub(super) fn look(spec: &JobSpec, loads: &[Load]) -> Vec<Finding> {
    let hosts = usize::try_from(spec.instance_count).unwrap_or(1);
    let delivered = Share::of(loads, hosts, |size| size);
    let encrypted: Vec<Load> = loads.iter().filter(|load| !load.is_plain).cloned().collect();
    let plaintext = Share::of(&encrypted, hosts, |size| size / 4 * 3);
    match spec.plaintext() {
        PlaintextPlace::Memory => vec![in_memory(spec, plaintext), on_volume(spec, delivered, None)],
        PlaintextPlace::Volume => vec![on_volume(spec, delivered, Some(plaintext))],
    }
}

fn in_memory(spec: &JobSpec, plaintext: Share) -> Finding {
    let what = "the plaintext fits into memory";
    let kind = &spec.instance_type;
    let Some(Instance { memory, .. }) = Instance::of(kind) else {
        return not_known(
            what,
            format!("{} a host: how much memory {kind} has", plaintext.words()),
        );
    };
    let detail = format!(
        "{} a host, of the {} that {kind} has; half of them may be used, and half of the container's /dev/shm, which is \
         measured when it starts",
        plaintext.words(),
        bytes(memory)
    );
    let weight = plaintext.weight(memory / PART);
    let volume = WayOut::UseVolume.at(Door::Dashboard);
    let remedy = format!("choose an instance with more memory, share the objects out to more instances, or {volume}");
    finding(weight, what, detail, &remedy)
}

fn on_volume(spec: &JobSpec, delivered: Share, plaintext: Option<Share>) -> Finding {
    let what = match plaintext {
        Some(_) => "tokens and plaintext fit on the volume",
        None => "the tokens fit on the volume",
    };
    let kind = &spec.instance_type;
    let need = delivered.plus(plaintext.unwrap_or_default());
    let (room, whose) = match (Instance::has_local_storage(kind), Instance::of(kind)) {
        (
            _,
            Some(Instance {
                local_storage: Some(local),
                ..
            }),
        ) => (local, format!("local storage of {kind}")),
        (Some(false), _) => {
            let volume = u64::try_from(spec.volume_gb).unwrap_or_default() << 30;
            (volume, "volume".to_owned())
        }
        _ => {
            return not_known(
                what,
                format!(
                    "{} a host: whether {kind} has local storage, and how much",
                    need.words()
                ),
            );
        }
    };
    let detail = format!("{} a host, on a {whose} of {}", need.words(), bytes(room));
    let remedy = if whose == "volume" {
        // Model and checkpoints have their tokens there too.
        format!("give `Volume GB` more than {}", need.most.div_ceil(1 << 30))
    } else {
        "choose an instance with more local storage, or share the objects out to more instances".to_owned()
    };
    finding(need.weight(room), what, detail, &remedy)
}

fn finding(weight: Weight, what: &str, detail: String, remedy: &str) -> Finding {
    match weight {
        Weight::Well => well(what, detail),
        weight => Finding {
            weight,
            ..blocks(what, detail, remedy, None)
        },
    }
}

fn not_known(what: &str, of: String) -> Finding {
    Finding {
        weight: Weight::Unknown,
        ..well(what, format!("could not be checked: {of}, is not known"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn load(is_sharded: bool, sizes: &[u64]) -> Load {
        Load {
            channel: "train".to_owned(),
            is_sharded,
            is_plain: false,
            sizes: sizes.to_vec(),
        }
    }

    fn weights(change: impl FnOnce(&mut JobSpec), loads: &[Load]) -> Vec<Weight> {
        let mut spec = crate::actions::jobs::tests::spec();
        change(&mut spec);
        look(&spec, loads).iter().map(|finding| finding.weight).collect()
    }

    #[test]
    fn what_binds_is_the_sum_of_all_channels_on_one_host() {
        // ml.m5.large: 8 GiB; a volume of 10 GB.
        let half = load(false, &[8 * GIB / 3]);
        let one = [half.clone()];
        let two = [half.clone(), half.clone()];
        let three = [half.clone(), half.clone(), half];
        assert_eq!(weights(|_| {}, &one), [Weight::Well, Weight::Well]);
        assert_eq!(weights(|_| {}, &two), [Weight::Well, Weight::Well]);
        assert_eq!(weights(|_| {}, &three), [Weight::Blocks, Weight::Well]);
        let on_volume = |spec: &mut JobSpec| spec.settings.plaintext = PlaintextPlace::Volume;
        assert_eq!(weights(on_volume, &two), [Weight::Well]);
        assert_eq!(weights(on_volume, &three), [Weight::Blocks]);
        assert_eq!(weights(|spec| spec.volume_gb = 5, &two), [Weight::Well, Weight::Blocks]);
    }

    #[test]
    fn a_channel_that_is_shared_out_counts_by_its_part_and_by_its_worst_part() {
        let even = [load(true, &[2 * GIB; 4])];
        let two = |spec: &mut JobSpec| spec.instance_count = 2;
        assert_eq!(weights(two, &even), [Weight::Well, Weight::Well]);
        let uneven = [load(true, &[3 * GIB, 3 * GIB, GIB, GIB])];
        assert_eq!(weights(two, &uneven), [Weight::Warns, Weight::Well]);
        let spec = JobSpec {
            instance_count: 2,
            ..crate::actions::jobs::tests::spec()
        };
        let told = &look(&spec, &uneven)[0];
        assert!(
            told.detail.contains("3.0 GiB on the average and 4.5 GiB at most"),
            "{told:?}"
        );
        assert!(
            told.remedy.contains("`Plaintext`") && told.remedy.contains("`Volume GB`"),
            "{told:?}"
        );
    }

    #[test]
    fn local_storage_is_the_volume_and_of_an_unknown_type_nothing_is_said() {
        let large = [load(false, &[100 * GIB])];
        let of = |kind: &str| {
            let kind = kind.to_owned();
            move |spec: &mut JobSpec| {
                spec.instance_type = kind;
                spec.settings.plaintext = PlaintextPlace::Volume;
            }
        };
        assert_eq!(weights(of("ml.g5.2xlarge"), &large), [Weight::Well]);
        assert_eq!(weights(of("ml.g4dn.xlarge"), &large), [Weight::Blocks]);
        assert_eq!(weights(of("ml.m5.large"), &large), [Weight::Blocks]);
        assert_eq!(weights(of("ml.z9.large"), &large), [Weight::Unknown]);
        let unknown = |spec: &mut JobSpec| spec.instance_type = "ml.z9.large".to_owned();
        assert_eq!(weights(unknown, &large), [Weight::Unknown, Weight::Unknown]);
    }
}
