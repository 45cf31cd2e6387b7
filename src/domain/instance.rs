//! Instance types: how much memory one has, and whether it has storage of its own. Types that are not in the table are not
//! known, and nothing is said of them.

/// One line each family.
const TYPES: &str = include_str!("instance/types.txt");
/// Families with local NVMe storage of which the table has no sizes, and whose name does not say so.
const WITH_LOCAL_STORAGE: [&str; 5] = ["g7", "g7e", "p6-b200", "p6-b300", "p6e-gb200"];

/// What is known of an instance type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance {
    /// Bytes of memory; what the system takes of it is not taken off.
    pub memory: u64,
    /// Bytes of local NVMe storage, if it has any: that is its volume then.
    pub local_storage: Option<u64>,
}

impl Instance {
    /// By SageMaker's name of the type: `ml.m5.large`.
    pub fn of(name: &str) -> Option<Self> {
        let (family, size) = parts(name)?;
        let sizes = sizes(family)?;
        let known = sizes
            .split(' ')
            .find_map(|entry| entry.strip_prefix(size)?.strip_prefix('='))?;
        let (memory, storage) = match known.split_once('/') {
            Some((memory, storage)) => (memory, Some(storage)),
            None => (known, None),
        };
        Some(Self {
            memory: hundredths(memory)? * (1 << 30) / 100,
            local_storage: match storage {
                Some(storage) => Some(storage.parse::<u64>().ok()? * 1_000_000_000),
                None => None,
            },
        })
    }

    /// Whether instances of this type have local NVMe storage, which their hardware encrypts and no KMS key; `None` if that
    /// is not known.
    pub fn has_local_storage(name: &str) -> Option<bool> {
        let (family, _) = parts(name)?;
        if let Some(sizes) = sizes(family) {
            return Some(sizes.contains('/'));
        }
        // In EC2's names a d behind the generation's number is the storage.
        let attributes = family.trim_start_matches(|c: char| !c.is_ascii_digit());
        let attributes = attributes.trim_start_matches(|c: char| c.is_ascii_digit());
        let attributes = attributes.split('-').next().unwrap_or_default();
        (attributes.contains('d') || WITH_LOCAL_STORAGE.contains(&family)).then_some(true)
    }
}

fn parts(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("ml.")?.split_once('.')
}

fn sizes(family: &str) -> Option<&'static str> {
    TYPES
        .lines()
        .find_map(|line| line.strip_prefix(family)?.strip_prefix(": "))
}

/// `7.5` is 750.
fn hundredths(number: &str) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = format!("{fraction:0<2}").parse().ok()?;
    Some(whole * 100 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_type_has_its_memory_and_its_storage() {
        for (name, memory, storage) in [
            ("ml.m5.large", 8 << 30, None),
            ("ml.c4.xlarge", 15 << 29, None),
            ("ml.c5n.large", 21 << 28, None),
            ("ml.p4d.24xlarge", 1152 << 30, Some(8_000_000_000_000)),
            ("ml.g4dn.xlarge", 16 << 30, Some(125_000_000_000)),
        ] {
            let known = Instance::of(name).unwrap();
            assert_eq!((known.memory, known.local_storage), (memory, storage), "{name}");
        }
    }

    #[test]
    fn every_entry_of_the_table_is_read() {
        let mut read = 0;
        for line in TYPES.lines().filter(|line| !line.starts_with('#')) {
            let (family, sizes) = line.split_once(": ").unwrap();
            for entry in sizes.split(' ') {
                let name = format!("ml.{family}.{}", entry.split_once('=').unwrap().0);
                let known = Instance::of(&name).unwrap();
                let is_local = Instance::has_local_storage(&name);
                assert_eq!(Some(known.local_storage.is_some()), is_local, "{name}");
                read += 1;
            }
        }
        assert!(read > 150, "{read}");
    }

    #[test]
    fn of_an_unknown_type_nothing_is_said_but_what_its_name_says() {
        for name in ["ml.m5.tiny", "ml.z9.large", "m5.large", "large", ""] {
            assert_eq!(Instance::of(name), None, "{name}");
        }
        for (name, known) in [
            ("ml.m9gd.large", Some(true)),
            ("ml.p6-b200.48xlarge", Some(true)),
            ("ml.z9.large", None),
            ("ml.m5.tiny", Some(false)),
            ("ml.d9.large", None),
        ] {
            assert_eq!(Instance::has_local_storage(name), known, "{name}");
        }
    }
}
