//! What the AWS configuration files say of the profile in use, read once and held against the files before it is used.

use std::path::PathBuf;

use aws_config::Region;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::{self, Profile, ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
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

/// A role that a profile assumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    /// The profile.
    pub(super) profile: String,
    pub(super) arn: String,
    pub(super) session: String,
    pub(super) external_id: Option<String>,
    pub(super) seconds: Option<i32>,
    /// The MFA device whose code goes with it.
    pub(super) serial: Option<String>,
}

/// Whose credentials assume the first role.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// This profile's, as the SDK reads it.
    Profile(String),
    /// Of a place by this name.
    Named(String),
    /// These.
    Keys(Credentials),
}

/// The roles that the profile in use assumes, the first one first, if one of them wants the code of a device: all others the
/// SDK assumes by itself. What is wrong with the profile in other ways it tells too.
///
/// # Errors
/// When a profile with a device says what cannot be used.
pub(super) fn roles_with_device(files: &ProfileSet) -> Result<Option<(Source, Vec<Role>)>, Fault> {
    let (mut name, mut roles, mut seen) = (files.selected_profile(), Vec::new(), Vec::new());
    let source = loop {
        let Some(profile) = files.get_profile(name).filter(|_| !seen.contains(&name)) else {
            return Ok(None);
        };
        seen.push(name);
        if let (false, Some(keys)) = (roles.is_empty(), keys(profile)) {
            break Source::Keys(keys);
        }
        let Some(role) = role(profile)? else {
            break Source::Profile(name.to_owned());
        };
        roles.push(role);
        match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(itself), None) if itself == name => match keys(profile) {
                Some(keys) => break Source::Keys(keys),
                None => return Ok(None),
            },
            (Some(other), None) => name = other,
            (None, Some(place)) => break Source::Named(place.to_owned()),
            (Some(_), Some(_)) | (None, None) => return Ok(None),
        }
    };
    roles.reverse();
    let has_device = roles.iter().any(|role| role.serial.is_some());
    Ok(has_device.then_some((source, roles)))
}

/// What gives those credentials.
///
/// # Errors
/// When they are of a place that nobody knows.
pub(super) fn provider(
    source: Source,
    http: SharedHttpClient,
    region: Option<Region>,
) -> Result<SharedCredentialsProvider, Fault> {
    let config = ProviderConfig::default().with_http_client(http).with_region(region);
    Ok(match source {
        Source::Keys(keys) => SharedCredentialsProvider::new(keys),
        Source::Profile(name) => {
            let profile = ProfileFileCredentialsProvider::builder().profile_name(name);
            SharedCredentialsProvider::new(profile.configure(&config).build())
        }
        Source::Named(place) => match place.to_ascii_lowercase().as_str() {
            "environment" => SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()),
            "ec2instancemetadata" => {
                SharedCredentialsProvider::new(ImdsCredentialsProvider::builder().configure(&config).build())
            }
            "ecscontainer" => {
                SharedCredentialsProvider::new(EcsCredentialsProvider::builder().configure(&config).build())
            }
            _ => {
                let cause = format!("nobody knows a credential_source {place}");
                let remedy = "write Environment, Ec2InstanceMetadata or EcsContainer, or name a source_profile";
                return Err(refused("with mfa_serial", cause, remedy));
            }
        },
    })
}

fn role(profile: &Profile) -> Result<Option<Role>, Fault> {
    let Some(arn) = profile.get("role_arn") else {
        return Ok(None);
    };
    if profile.get("web_identity_token_file").is_some() {
        return Ok(None);
    }
    let seconds = profile.get("duration_seconds").map(str::parse).transpose();
    let seconds = seconds.map_err(|_| {
        let cause = "its duration_seconds is no whole number".to_owned();
        refused(profile.name(), cause, "write the seconds that a session lasts, as 3600")
    })?;
    let own = |name: &str| profile.get(name).map(str::to_owned);
    Ok(Some(Role {
        profile: profile.name().to_owned(),
        arn: arn.to_owned(),
        session: own("role_session_name").unwrap_or_else(|| "strongroom".to_owned()),
        external_id: own("external_id"),
        seconds,
        serial: own("mfa_serial"),
    }))
}

fn keys(profile: &Profile) -> Option<Credentials> {
    Some(Credentials::new(
        profile.get("aws_access_key_id")?,
        profile.get("aws_secret_access_key")?,
        profile.get("aws_session_token").map(str::to_owned),
        None,
        "ProfileFile",
    ))
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
