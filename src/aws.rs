//! The only door to the SDK: calls go out as plain arguments, answers come back as domain rows, errors as [`Fault`]s.
//!
//! Owns the clients, their timeouts and retries, the read-only gate, and the witness (`answer`) that every answer is one. Never shows an SDK type to the rest of the
//! crate, never decides when to ask (that is the worker's) and never logs a body: data keys pass through here.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;

use self::fault::{Expected, Heard};
use crate::config::Connection;
use crate::domain::{AuditEntry, Fault, Identity, UploadRule, UploadSettings};

use self::audit::Audit;
use self::clients::Clients;
use self::connect::Reach;
use self::endpoint::Endpoints;
use self::gate::{Gate, Throttled};
use self::pinned::Pinned;
use self::profile::{SignIn, SignInTo};
use self::renewal::{Ended, Hears};
use self::tokens::Tokens;

pub use self::person::Person;

pub(crate) use self::pages::{List, Paged};
pub(crate) use self::profile::names as profiles;
pub(crate) use self::room::{Room, Taken};

pub(crate) mod again;
pub(crate) mod ecr;
pub(crate) mod iam;
pub(crate) mod kms;
pub(crate) mod logs;
pub(crate) mod s3;
pub(crate) mod sagemaker;
pub(crate) mod sso;
pub(crate) mod sts;
pub(crate) mod trail;
pub(crate) mod transfer;

mod answer;
mod audit;
mod bounded;
mod causes;
mod clients;
mod connect;
mod endpoint;
mod fault;
mod gate;
mod hooks;
mod http;
mod login;
mod mfa;
mod not_asked;
mod pages;
mod patience;
mod person;
mod pinned;
mod profile;
mod renewal;
mod room;
mod roots;
mod settings;
mod tokens;

/// Region of custom endpoints that are given without one.
const FALLBACK_REGION: &str = "us-east-1";

/// AWS as one caller sees it: account, region, endpoint. Cheap to clone.
#[derive(Clone)]
pub struct Aws {
    inner: Arc<Inner>,
    /// The version that one object is.
    pinned: Option<Arc<Pinned>>,
}

#[derive(Clone)]
struct Inner {
    config: SdkConfig,
    region: String,
    /// What said that it is this one.
    region_source: String,
    endpoints: Endpoints,
    read_only: bool,
    /// The embedded world, which ends with this process.
    sandbox: bool,
    clients: Clients,
    audit: Arc<Audit>,
    tokens: Arc<Tokens>,
    /// What objects were when they were opened.
    openings: Arc<s3::Openings>,
    /// For the bytes of objects on their way.
    room: Room,
    /// How often S3 asked for less.
    slowed: s3::Slowed,
    /// Our ARN, once somebody asked.
    identity: Arc<OnceLock<String>>,
    throttled: Arc<Throttled>,
    /// What calls to buckets carry.
    uploads: Vec<UploadRule>,
    /// Where buckets are that are not where we are.
    regions: Arc<s3::Regions>,
    /// Whether an S3 that is not AWS's heeds conditions.
    conditions: Arc<s3::Conditions>,
    /// Who is asked what no file knows.
    person: Person,
    /// The login that the credentials rest on.
    sign_in: Option<SignIn>,
    /// Credentials that have ended, where there may be others.
    ended: Option<Arc<Ended>>,
}

impl Aws {
    /// Decides how to reach AWS; asks nothing over the network. Nobody is there to be asked.
    ///
    /// In the sandbox nothing of the environment, profiles or proxies is read.
    pub async fn connect(connection: &Connection) -> Result<Self, Fault> {
        Self::connect_for(connection, Person::nobody()).await
    }

    /// The same for a person who may be asked, once credentials are wanted that no file has.
    pub async fn connect_for(connection: &Connection, person: Person) -> Result<Self, Fault> {
        let Reach { config, sign_in, ended } = connect::reach(connection, &person).await?;
        let by_hand = match connection {
            Connection { sandbox: Some(_), .. } => Some("the sandbox"),
            Connection {
                endpoint_url: Some(_), ..
            } => Some("--endpoint-url"),
            _ => None,
        };
        let mut region_source = connect::region_source(connection);
        let endpoints = Endpoints::of(&config, by_hand, &region_source)?;
        let (config, region) = match config.region().map(ToString::to_string) {
            Some(region) => (config, region),
            None if endpoints.are_whole() => {
                "as the endpoint is given without one".clone_into(&mut region_source);
                let region = Region::from_static(FALLBACK_REGION);
                (config.into_builder().region(region).build(), FALLBACK_REGION.to_owned())
            }
            None => return Err(no_region()),
        };
        let config = match &connection.role {
            Some(role) => connect::as_role(config, role, &person, &ended),
            None => config,
        };
        Ok(Self::from(Inner {
            config,
            region,
            region_source,
            endpoints,
            read_only: connection.read_only,
            sandbox: connection.sandbox.is_some(),
            clients: Clients::default(),
            audit: Arc::new(match connection.sandbox {
                Some(_) => Audit::of_world(connection.sandbox_audit.clone()),
                None => Audit::on_disk(),
            }),
            tokens: Arc::default(),
            openings: Arc::default(),
            room: Room::default(),
            slowed: s3::Slowed::default(),
            identity: Arc::default(),
            throttled: Arc::default(),
            uploads: connection.uploads.clone(),
            regions: Arc::default(),
            conditions: Arc::default(),
            person,
            sign_in,
            ended: Some(ended),
        }))
    }

    /// Who is asked what no file knows.
    pub(in crate::aws) fn person(&self) -> &Person {
        &self.inner.person
    }

    /// The region every client asks.
    pub fn region(&self) -> &str {
        &self.inner.region
    }

    /// What said that it is this region: an option, a variable, the profile.
    pub(crate) fn region_source(&self) -> &str {
        &self.inner.region_source
    }

    /// The custom endpoint that everything is at, if there is one.
    pub fn endpoint(&self) -> Option<&str> {
        self.inner.endpoints.shared()
    }

    /// Where services are that have endpoints of their own, as the AWS CLI calls them; nothing if all have [one](Self::endpoint).
    pub fn endpoints_apart(&self) -> BTreeMap<String, String> {
        self.inner.endpoints.apart()
    }

    /// Where S3 is, if not where AWS has it.
    pub(crate) fn s3_endpoint(&self) -> Option<&str> {
        self.inner.endpoints.of_service("S3")
    }

    /// Where S3 is, if it is neither AWS's nor this program's own.
    pub(in crate::aws) fn foreign_s3(&self) -> Option<&str> {
        self.s3_endpoint()
            .filter(|url| !self.is_embedded() && !endpoint::is_of_aws(url))
    }

    pub(in crate::aws) fn conditions(&self) -> &s3::Conditions {
        &self.inner.conditions
    }

    /// The services that are not where AWS has them, with what said so, for people.
    pub(crate) fn endpoints_told(&self) -> Vec<String> {
        self.inner.endpoints.told()
    }

    /// Whether everything that could change something is refused.
    pub fn is_read_only(&self) -> bool {
        self.inner.read_only
    }

    /// Whether it is the embedded world, which ends with this process.
    pub fn is_embedded(&self) -> bool {
        self.inner.sandbox
    }

    /// Tells from now on of each attempt that AWS throttles, by its operation. The SDK makes several at a call, and says
    /// nothing of those that it makes again.
    pub(crate) fn on_throttled(&self, tell: impl Fn(&str) + Send + Sync + 'static) {
        self.inner.throttled.told_to(tell);
    }

    /// The same place, as a session of a role.
    pub async fn assume_role(&self, role_arn: &str, session: &str) -> Result<Self, Fault> {
        let act = "assume role";
        let answer = self
            .sts()
            .assume_role()
            .role_arn(role_arn)
            .role_session_name(session)
            .send()
            .await
            .heard(act, role_arn)?;
        let credentials = answer.credentials.expected(act, role_arn, "credentials")?;
        let provider = SharedCredentialsProvider::new(mfa::credentials(credentials));
        let config = self.inner.config.to_builder().credentials_provider(provider).build();
        let identity = answer.assumed_role_user.map(|user| user.arn);
        Ok(Self::from(Inner {
            config,
            openings: Arc::default(),
            identity: Arc::new(identity.map_or_else(OnceLock::new, OnceLock::from)),
            ended: None,
            ..Inner::clone(&self.inner)
        }))
    }

    /// The same, whose calls to buckets carry this too.
    pub(crate) fn carrying(&self, settings: &UploadSettings) -> Self {
        let mut uploads = self.inner.uploads.clone();
        if !uploads.iter().any(|rule| rule.buckets == "*") {
            uploads.push(UploadRule {
                buckets: "*".to_owned(),
                ..UploadRule::default()
            });
        }
        for rule in &mut uploads {
            rule.settings = std::mem::take(&mut rule.settings).overlaid(settings.clone());
        }
        self.with_uploads(uploads)
    }

    /// The same, whose calls to buckets carry this and nothing else.
    pub(crate) fn carrying_only(&self, settings: UploadSettings) -> Self {
        let buckets = "*".to_owned();
        self.with_uploads(vec![UploadRule { buckets, settings }])
    }

    /// The same, whose calls to buckets carry what these rules say and nothing else.
    pub(crate) fn with_uploads(&self, uploads: Vec<UploadRule>) -> Self {
        Self::from(Inner {
            uploads,
            ..Inner::clone(&self.inner)
        })
    }

    /// What calls to the bucket carry.
    pub(crate) fn upload_settings(&self, bucket: &str) -> UploadSettings {
        UploadRule::of(&self.inner.uploads, bucket)
    }

    /// The same, for the calls that make an object.
    pub(in crate::aws) fn demanded(&self, bucket: &str) -> s3::Demanded {
        self.upload_settings(bucket).into()
    }

    /// Whether a login that is made from here gives the credentials in use.
    pub fn has_login(&self) -> bool {
        matches!(
            self.sign_in(),
            Some(SignIn {
                to: SignInTo::Sso(_),
                ..
            })
        )
    }

    pub(in crate::aws) fn sign_in(&self) -> Option<&SignIn> {
        self.inner.sign_in.as_ref()
    }

    /// The fault of changes that are not in the audit log; once.
    pub(crate) fn unaudited(&self) -> Option<Fault> {
        let why = self.inner.audit.lost()?;
        let cause = "changes of this session are not in the file, whatever else is said of them";
        let remedy = "make room for it or move away what stands there";
        Some(Fault::io("write the audit log", why, cause, remedy))
    }

    /// The newest so many changes that this program asked for, newest first.
    pub(crate) fn audit_log(&self, most: usize) -> Result<Vec<AuditEntry>, Fault> {
        self.inner
            .audit
            .newest(most)
            .map_err(|error| Fault::io("read", "the audit log", error.to_string(), ""))
    }

    pub(in crate::aws) fn openings(&self) -> &s3::Openings {
        &self.inner.openings
    }

    /// Room for the bytes of objects on their way.
    pub(crate) fn room(&self) -> &Room {
        &self.inner.room
    }

    /// How often S3 asked for less until now, also where asking again helped.
    pub(crate) fn slowed(&self) -> u64 {
        self.inner.slowed.count()
    }

    /// Tokens of grants that may not be known everywhere yet.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.inner.tokens
    }

    /// Those that we may need to use `key`, as KMS calls take them.
    pub(in crate::aws) fn tokens_for(&self, key: &str) -> Option<Vec<String>> {
        let identity = self.inner.identity.get()?;
        Some(self.inner.tokens.of(key, identity)).filter(|tokens| !tokens.is_empty())
    }

    /// Who we are is known from now on.
    pub(in crate::aws) fn note_identity(&self, identity: &Identity) {
        self.inner.identity.get_or_init(|| identity.arn.clone());
    }

    fn gate(&self) -> Gate {
        Gate {
            read_only: self.inner.read_only,
            audit: Arc::clone(&self.inner.audit),
            identity: Arc::clone(&self.inner.identity),
            throttled: Arc::clone(&self.inner.throttled),
        }
    }

    fn hears(&self) -> Hears {
        Hears {
            ended: self.inner.ended.clone(),
        }
    }
}

impl From<Inner> for Aws {
    fn from(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
            pinned: None,
        }
    }
}

/// AWS's moment as ours; `None` outside the calendar.
fn timestamp(moment: &aws_smithy_types::DateTime) -> Option<jiff::Timestamp> {
    let nanos = i32::try_from(moment.subsec_nanos()).ok()?;
    jiff::Timestamp::new(moment.secs(), nanos).ok()
}

fn no_region() -> Fault {
    Fault::invalid(
        "connect to",
        "AWS",
        "no region is set",
        "give --region, set AWS_REGION, or try strongroom --sandbox",
    )
}
