//! How AWS is reached: what clients are made from, decided from options, environment and the AWS configuration files. Nothing is
//! asked over the network.

use std::sync::Arc;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::identity::IdentityCache;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use futures::FutureExt as _;

use super::person::Person;
use super::profile::{self, Chain, Role, SignIn};
use super::renewal::{Ended, Make, kept};
use super::{bounded, http, login, mfa, patience, roots, settings};
use crate::config::{Connection, SandboxEndpoint};
use crate::domain::Fault;

const ATTEMPTS: u32 = 3;

/// What clients are made from.
pub(super) struct Reach {
    pub(super) config: SdkConfig,
    /// The login that the credentials rest on.
    pub(super) sign_in: Option<SignIn>,
    /// Of the credentials.
    pub(super) ended: Arc<Ended>,
}

/// As the connection says.
///
/// # Errors
/// When the files, or the certificates that they name, cannot be used.
pub(super) async fn reach(connection: &Connection, person: &Person) -> Result<Reach, Fault> {
    match &connection.sandbox {
        Some(sandbox) => Ok(in_sandbox(sandbox)),
        None => outside(connection, person).await,
    }
}

fn in_sandbox(sandbox: &SandboxEndpoint) -> Reach {
    let credentials = Credentials::new(
        sandbox.access_key_id.as_str(),
        sandbox.secret_access_key.as_str(),
        None,
        None,
        "sandbox",
    );
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(sandbox.region.clone()))
        .endpoint_url(sandbox.url.as_str())
        .http_client(http::plain())
        // What assumes a role needs one.
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        .retry_config(retries())
        .timeout_config(patience::of_calls())
        .stalled_stream_protection(patience::of_streams())
        .build();
    Reach::with(config, None, |_| SharedCredentialsProvider::new(credentials))
}

impl Reach {
    /// The credentials say by themselves whether they still serve.
    fn with(
        config: SdkConfig,
        sign_in: Option<SignIn>,
        credentials: impl FnOnce(&Arc<Ended>) -> SharedCredentialsProvider,
    ) -> Self {
        let ended = Arc::default();
        let config = config
            .into_builder()
            .credentials_provider(credentials(&ended))
            .identity_cache(IdentityCache::no_cache());
        Self {
            config: config.build(),
            sign_in,
            ended,
        }
    }
}

async fn outside(connection: &Connection, person: &Person) -> Result<Reach, Fault> {
    settings::whole_keys()?;
    settings::readable_proxies()?;
    settings::printable_name()?;
    bounded::check_files()?;
    let files = profile::chosen(connection.profile.as_deref()).await?;
    let retries = settings::retries(files.as_ref())?;
    let roots = roots::given(files.as_ref())?;
    // Keys in the environment come before every profile.
    let files = files.filter(|_| !settings::has_keys());
    let chain = match &files {
        Some(files) => profile::chain(files)?,
        None => None,
    };
    let patience = match chain.as_ref().filter(|chain| chain.wants_somebody()) {
        Some(_) => patience::with_a_person(patience::of_calls()),
        None => patience::of_calls(),
    };
    let http = http::client(roots);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .timeout_config(patience)
        .stalled_stream_protection(patience::of_streams());
    if let Some(retries) = retries {
        loader = loader.retry_config(retries);
    }
    if let Some(profile) = &connection.profile {
        loader = loader.profile_name(profile);
    }
    loader = match &connection.region {
        Some(region) => loader.region(Region::new(region.clone())),
        None => loader.region(configured_region(connection)),
    };
    if let Some(url) = &connection.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let config = loader.load().await;
    let inner = of_providers(&config, http);
    let Some(Chain { source, sign_in, roles }) = chain else {
        let make = by_default(connection.profile.clone(), inner, config.region().cloned());
        return Ok(Reach::with(config, None, |ended| kept(make, ended)));
    };
    let first = profile::provider(&source, &inner)?;
    let profile = connection.profile.clone();
    let anew = move || profile::provider(&source, &inner).unwrap_or_else(|_| first.clone());
    let mut reach = Reach::with(config, sign_in.clone(), |ended| match &sign_in {
        Some(sign_in) => {
            let waiting = login::waiting(anew, sign_in, patience::ATTEMPTS, person, ended);
            kept(move || std::future::ready(waiting.clone()).boxed(), ended)
        }
        None => {
            let telling = move || login::telling(anew(), profile.clone(), patience::ATTEMPTS);
            kept(move || std::future::ready(telling()).boxed(), ended)
        }
    });
    reach.config = mfa::assuming(reach.config, roles, person, &reach.ended);
    Ok(reach)
}

/// How those are asked who give credentials.
fn of_providers(config: &SdkConfig, http: SharedHttpClient) -> ProviderConfig {
    let inner = ProviderConfig::default()
        .with_http_client(http)
        .with_region(config.region().cloned())
        .with_use_fips(config.use_fips())
        .with_use_dual_stack(config.use_dual_stack())
        .with_timeout_config(patience::of_calls());
    match config.retry_config() {
        Some(retries) => inner.with_retry_config(retries.clone()),
        None => inner,
    }
}

/// The SDK's own chain.
fn by_default(profile: Option<String>, inner: ProviderConfig, region: Option<Region>) -> Box<Make> {
    Box::new(move || {
        let (profile, inner, region) = (profile.clone(), inner.clone(), region.clone());
        async move {
            let mut chain = DefaultCredentialsChain::builder().configure(inner);
            chain.set_region(region);
            if let Some(profile) = &profile {
                chain = chain.profile_name(profile);
            }
            let chain = SharedCredentialsProvider::new(chain.build().await);
            login::telling(chain, profile, patience::ATTEMPTS)
        }
        .boxed()
    })
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

/// The same way to AWS, as a session of a role; the credentials of before assume it.
pub(super) fn as_role(config: SdkConfig, role: &str, person: &Person, ended: &Arc<Ended>) -> SdkConfig {
    let role = Role {
        profile: String::new(),
        arn: role.to_owned(),
        session: "strongroom".to_owned(),
        external_id: None,
        seconds: None,
        serial: None,
    };
    mfa::assuming(config, vec![role], person, ended)
}
/// From environment and profile. The SDK's own chain would go on to ask the instance's metadata over the network.
fn configured_region(connection: &Connection) -> RegionProviderChain {
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &connection.profile {
        profile = profile.profile_name(name);
    }
    RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new()).or_else(profile.build())
}

/// Looked for in the order of [`outside`].
pub(super) fn region_source(connection: &Connection) -> String {
    let is_set = |name: &str| std::env::var_os(name).is_some();
    let words = match connection {
        Connection { sandbox: Some(_), .. } => "the sandbox",
        Connection {
            region: Some(_),
            context: Some(name),
            ..
        } => return format!("context {name}"),
        Connection { region: Some(_), .. } => "--region",
        _ if is_set("AWS_REGION") => "AWS_REGION",
        _ if is_set("AWS_DEFAULT_REGION") => "AWS_DEFAULT_REGION",
        _ => "the profile",
    };
    words.to_owned()
}
