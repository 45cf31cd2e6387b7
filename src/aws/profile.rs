//! What the AWS configuration files say of the profile in use, read once and held against the files before it is used.

use std::path::PathBuf;

use aws_config::profile::{self, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};

use super::causes;
use crate::domain::{Fault, FaultKind};

/// The files, with this profile selected, or else the default one; `None` if they cannot be read and no profile was named,
/// which is told where something of them is needed.
///
/// # Errors
/// When the profile is nowhere, or names services that are nowhere: the SDK takes what is nowhere for empty and goes on
/// without it, as somebody else or somewhere else perhaps.
#[expect(clippy::default_trait_access, reason = "the files' type has no name of its own here")]
pub(super) async fn chosen(name: Option<&str>) -> Result<Option<ProfileSet>, Fault> {
    let selected = name.map(|name| name.to_owned().into());
    let files = match (
        profile::load(&Fs::real(), &Env::real(), &Default::default(), selected).await,
        name,
    ) {
        (Ok(files), _) => files,
        (Err(_), None) => return Ok(None),
        (Err(error), Some(name)) => {
            return Err(refused(name, causes::chain(&error), "mend the AWS configuration files"));
        }
    };
    if let Some(name) = name {
        is_there(&files, name)?;
    }
    if let Some(services) = files.get("services")
        && !config_file().is_some_and(|text| has_services(&text, services))
    {
        let cause = format!("its services are [services {services}], which the AWS config file does not have");
        let remedy = format!("add the section [services {services}] to the file, or take `services` from the profile");
        return Err(refused(files.selected_profile(), cause, &remedy));
    }
    Ok(Some(files))
}

/// Every profile, by name; none where the files cannot be read.
#[expect(clippy::default_trait_access, reason = "the files' type has no name of its own here")]
pub(crate) async fn names() -> Vec<String> {
    let read = profile::load(&Fs::real(), &Env::real(), &Default::default(), None).await;
    let mut names: Vec<String> = read
        .map(|profiles| profiles.profiles().map(str::to_owned).collect())
        .unwrap_or_default();
    names.sort_unstable();
    names
}

fn refused(name: &str, cause: String, remedy: &str) -> Fault {
    Fault::new(FaultKind::Invalid, "use profile", name, cause, remedy)
}

fn is_there(files: &ProfileSet, name: &str) -> Result<(), Fault> {
    // Everybody has the default one, with something in it or not.
    if name == "default" || files.get_profile(name).is_some() {
        return Ok(());
    }
    let mut known: Vec<_> = files.profiles().collect();
    known.sort_unstable();
    let cause = match known.as_slice() {
        [] => "the AWS configuration files hold no profile".to_owned(),
        known => format!(
            "the AWS configuration files hold no such profile, but {}",
            known.join(", ")
        ),
    };
    let remedy = "check --profile or AWS_PROFILE; `aws configure --profile NAME` makes one";
    Err(refused(name, cause, remedy))
}

/// The SDK tells of sections only what is in them, by names that are known before: whether there is one, the file says.
fn config_file() -> Option<String> {
    let home = || std::env::home_dir().unwrap_or_default();
    let path = match std::env::var("AWS_CONFIG_FILE") {
        Ok(path) => match path.strip_prefix("~/") {
            Some(rest) => home().join(rest),
            None => PathBuf::from(path),
        },
        Err(_) => home().join(".aws/config"),
    };
    std::fs::read_to_string(path).ok()
}

fn has_services(config: &str, name: &str) -> bool {
    let is_section = |line: &str| {
        let words = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        words.is_some_and(|(words, _)| words.split_whitespace().eq(["services", name]))
    };
    config.lines().any(is_section)
}

#[cfg(test)]
mod tests {
    use super::has_services;

    #[test]
    fn a_section_of_services_is_one_with_this_name_and_of_this_kind() {
        for config in ["[services own]\n", "[default]\nregion = x\n[ services\town ] # mine\n"] {
            assert!(has_services(config, "own"), "{config}");
        }
        for config in [
            "",
            "[services other]\n",
            "[profile own]\n",
            "# [services own]\n",
            "services own",
        ] {
            assert!(!has_services(config, "own"), "{config}");
        }
    }
}
