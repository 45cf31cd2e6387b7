//! What the AWS configuration files say of the profile in use, read once and held against the files before it is used.

use std::path::PathBuf;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::{self, Profile, ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::os_shim_internal::{Env, Fs};

use super::causes;
use super::renewal::unusable;
use crate::domain::{Fault, LoginWay};

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
    /// The profile; empty if a context names the role.
    pub(super) profile: String,
    pub(super) arn: String,
    pub(super) session: String,
    pub(super) external_id: Option<String>,
    pub(super) seconds: Option<i32>,
    /// The MFA device whose code goes with it.
    pub(super) serial: Option<String>,
}

impl Role {
    /// What a person calls it.
    pub(super) fn name(&self) -> String {
        if self.profile.is_empty() {
            format!("the context's role {}", self.arn)
        } else {
            format!("the role {} of the profile {}", self.arn, self.profile)
        }
    }
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

/// Single sign-on, as a profile names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sso {
    /// What its token is kept under: the session's name, or the start URL where the profile has no session.
    pub(super) key: String,
    pub(super) start_url: String,
    pub(super) region: String,
    pub(super) scopes: Vec<String>,
}

/// A login that a profile's credentials rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignIn {
    /// The profile that has it: the one in use, or one behind its roles.
    pub(super) profile: String,
    pub(super) to: SignInTo,
}

/// Where one logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SignInTo {
    Sso(Sso),
    /// As whom of the console; the AWS CLI does it.
    Console(String),
}

impl SignIn {
    /// What tells it from other logins.
    pub(super) fn session(&self) -> &str {
        match &self.to {
            SignInTo::Sso(sso) => &sso.key,
            SignInTo::Console(session) => session,
        }
    }

    /// How it is made.
    pub(super) fn way(&self) -> LoginWay {
        match self.to {
            SignInTo::Sso(_) => LoginWay::SingleSignOn,
            SignInTo::Console(_) => LoginWay::Console,
        }
    }
}

/// How the profile in use comes to its credentials.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) source: Source,
    /// The login that the source rests on.
    pub(super) sign_in: Option<SignIn>,
    /// The roles that are assumed with them, the first one first.
    pub(super) roles: Vec<Role>,
}

impl Chain {
    /// Whether a person may be wanted for it: for a login, or the code of a device.
    pub(super) fn wants_somebody(&self) -> bool {
        self.sign_in.is_some() || self.roles.iter().any(|role| role.serial.is_some())
    }
}

/// The chain of the profile in use, if a person may be wanted for it, or if roles are assumed with credentials that nobody has
/// looked at. All others the SDK follows by itself; what is wrong with the profile in other ways it tells too.
///
/// # Errors
/// When a profile of the chain says what cannot be used.
pub(super) fn chain(files: &ProfileSet) -> Result<Option<Chain>, Fault> {
    let (mut name, mut roles, mut seen) = (files.selected_profile(), Vec::new(), Vec::<&str>::new());
    let (source, sign_in) = loop {
        let profile = match (files.get_profile(name), seen.last()) {
            (None, Some(before)) => return Err(gone(before, "source_profile", &format!("[profile {name}]"))),
            (Some(profile), _) if !seen.contains(&name) => profile,
            _ => return Ok(None),
        };
        seen.push(name);
        if let (false, Some(keys)) = (roles.is_empty(), keys(profile)) {
            if let Some(why) = unusable(&keys) {
                return Err(refused(name, why.to_string(), &format!("mend {}", why.source)));
            }
            break (Source::Keys(keys), None);
        }
        let Some(role) = role(profile)? else {
            break (Source::Profile(name.to_owned()), sign_in(files, profile)?);
        };
        roles.push(role);
        match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(itself), None) if itself == name => match keys(profile) {
                Some(keys) => break (Source::Keys(keys), None),
                None => return Ok(None),
            },
            (Some(other), None) => name = other,
            (None, Some(place)) => break (Source::Named(place.to_owned()), None),
            (Some(_), Some(_)) | (None, None) => return Ok(None),
        }
    };
    roles.reverse();
    // With these the SDK would sign what assumes the role, whatever is in them.
    let is_unseen = !roles.is_empty() && !matches!(source, Source::Keys(_));
    let chain = Chain { source, sign_in, roles };
    Ok((is_unseen || chain.wants_somebody()).then_some(chain))
}

/// In the SDK's order.
fn sign_in(files: &ProfileSet, profile: &Profile) -> Result<Option<SignIn>, Fault> {
    if profile.get("web_identity_token_file").is_some() {
        return Ok(None);
    }
    let console = || profile.get("login_session").map(str::to_owned).map(SignInTo::Console);
    let to = sso(files, profile)?.map(SignInTo::Sso).or_else(console);
    Ok(to.map(|to| SignIn {
        profile: profile.name().to_owned(),
        to,
    }))
}

fn sso(files: &ProfileSet, profile: &Profile) -> Result<Option<Sso>, Fault> {
    let mut missing = ["sso_account_id", "sso_role_name"]
        .into_iter()
        .filter(|key| profile.get(key).is_none());
    // A session without both gives tokens and no credentials.
    if let (Some(key), None) = (missing.next(), missing.next())
        && (profile.get("sso_session").is_some() || profile.get("sso_start_url").is_some())
    {
        return Err(lacks(profile.name(), "it", key));
    }
    let Some(name) = profile.get("sso_session") else {
        let Some(start_url) = profile.get("sso_start_url") else {
            return Ok(None);
        };
        let Some(region) = profile.get("sso_region") else {
            return Err(lacks(profile.name(), "it", "sso_region"));
        };
        return Ok(Some(Sso {
            key: start_url.to_owned(),
            start_url: start_url.to_owned(),
            region: region.to_owned(),
            scopes: Vec::new(),
        }));
    };
    let section = format!("[sso-session {name}]");
    let Some(session) = files.sso_session(name) else {
        return Err(gone(profile.name(), "sso_session", &section));
    };
    let has = |key| session.get(key).ok_or_else(|| lacks(profile.name(), &section, key));
    // With this one a login can be renewed.
    let scopes = session.get("sso_registration_scopes").unwrap_or("sso:account:access");
    let scopes = scopes.split(',').map(str::trim).filter(|scope| !scope.is_empty());
    Ok(Some(Sso {
        key: name.to_owned(),
        start_url: has("sso_start_url")?.to_owned(),
        region: has("sso_region")?.to_owned(),
        scopes: scopes.map(str::to_owned).collect(),
    }))
}

/// What gives those credentials.
///
/// # Errors
/// When they are of a place that nobody knows.
pub(super) fn provider(source: &Source, config: &ProviderConfig) -> Result<SharedCredentialsProvider, Fault> {
    Ok(match source {
        Source::Keys(keys) => SharedCredentialsProvider::new(keys.clone()),
        Source::Profile(name) => {
            let profile = ProfileFileCredentialsProvider::builder().profile_name(name);
            SharedCredentialsProvider::new(profile.configure(config).build())
        }
        Source::Named(place) => match place.to_ascii_lowercase().as_str() {
            "environment" => SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()),
            "ec2instancemetadata" => {
                SharedCredentialsProvider::new(ImdsCredentialsProvider::builder().configure(config).build())
            }
            "ecscontainer" => {
                SharedCredentialsProvider::new(EcsCredentialsProvider::builder().configure(config).build())
            }
            _ => {
                let cause = format!("nobody knows a credential_source {place}");
                let remedy = "write Environment, Ec2InstanceMetadata or EcsContainer, or name a source_profile";
                return Err(refused("with credential_source", cause, remedy));
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

/// What a key of the profile names is nowhere.
fn gone(profile: &str, key: &str, section: &str) -> Fault {
    let cause = format!("its {key} is {section}, which the AWS configuration files do not have");
    refused(
        profile,
        cause,
        &format!("write {section}, or mend {key} in the profile"),
    )
}

fn lacks(profile: &str, what: &str, key: &str) -> Fault {
    let cause = format!("{what} has no {key}, which its login needs");
    refused(profile, cause, &format!("write {key}, as `aws configure sso` does"))
}

fn refused(name: &str, cause: String, remedy: &str) -> Fault {
    Fault::invalid("use profile", name, cause, remedy)
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
mod tests;
