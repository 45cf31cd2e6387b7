//! Roles of profiles with `mfa_serial`: assumed with a code that only the person has. (The SDK passes the serial number over,
//! and what the role may only do with the device is denied later.)
//!
//! The code is asked for once, however many calls wait for it, and the session is kept until it expires.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::error::ProvideErrorMetadata;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};

use super::person::Person;
use super::profile::Role;
use super::renewal::{Ended, Hears, Renews};
use crate::domain::question::is_code;
use crate::domain::{Answer, Wanted};

/// A session that ends within this time is renewed.
const BEFORE_IT_ENDS: Duration = Duration::from_secs(60);

/// The same way to AWS, as these roles one after the other; the first is assumed with the credentials of before.
pub(super) fn assuming(config: SdkConfig, roles: Vec<Role>, person: &Person, ended: &Arc<Ended>) -> SdkConfig {
    roles.into_iter().fold(config, |config, role| {
        let builder = config.to_builder();
        let provider = Assumed {
            way: Arc::new(Way {
                role,
                config,
                person: person.clone(),
                ended: Arc::clone(ended),
            }),
            last: Mutex::default(),
        };
        builder
            .credentials_provider(SharedCredentialsProvider::new(provider))
            .build()
    })
}

/// The code was asked for, and there is none.
#[derive(Debug, Clone)]
pub(super) struct NoCode {
    profile: String,
    serial: String,
    /// Whether there is somebody who could have given it.
    pub(super) is_withheld: bool,
    /// The person's turn then.
    turn: u64,
}

impl fmt::Display for NoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, serial, .. } = self;
        write!(f, "the profile {profile} needs a code of the MFA device {serial}")?;
        f.write_str(if self.is_withheld {
            ", and none was given"
        } else {
            ", and nobody is here to give it"
        })
    }
}

impl Error for NoCode {}

/// Why there is no session, for all who wait for it.
#[derive(Debug, Clone)]
enum Failure {
    NoCode(NoCode),
    Refused(Refused),
}

/// Whose role it is, and what STS said, which has one owner.
#[derive(Debug, Clone)]
struct Refused(String, Arc<dyn Error + Send + Sync>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} could not be assumed", self.0)
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.1)
    }
}

impl From<Failure> for CredentialsError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoCode(why) => Self::provider_error(why),
            Failure::Refused(why) => Self::provider_error(why),
        }
    }
}

type Session = Shared<BoxFuture<'static, Result<Credentials, Failure>>>;

/// Credentials of one role's sessions.
#[derive(Debug)]
struct Assumed {
    way: Arc<Way>,
    /// The newest session, be it there or on its way.
    last: Mutex<Option<Session>>,
}

#[derive(Debug)]
struct Way {
    role: Role,
    /// With the credentials that assume it.
    config: SdkConfig,
    person: Person,
    /// Also sessions of before.
    ended: Arc<Ended>,
}

impl ProvideCredentials for Assumed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let session = self.session();
        future::ProvideCredentials::new(async { session.await.map_err(CredentialsError::from) })
    }
}

impl Assumed {
    fn session(&self) -> Session {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = &*last {
            let is_good = match session.peek() {
                None => true,
                Some(Ok(credentials)) => {
                    !self.way.ended.have(credentials)
                        && credentials
                            .expiry()
                            .is_none_or(|end| end > SystemTime::now() + BEFORE_IT_ENDS)
                }
                // Who did not want to give it is not asked again at every call.
                Some(Err(Failure::NoCode(why))) => why.turn == self.way.person.turn(),
                Some(Err(Failure::Refused(_))) => false,
            };
            if is_good {
                return session.clone();
            }
        }
        // A task: whoever began to wait may leave, and the person goes on typing.
        let task = tokio::spawn(assume(Arc::clone(&self.way)));
        let role = self.way.role.name();
        let session = task.map(|ended| ended.unwrap_or_else(|panic| Err(refusal(role, panic))));
        let session = session.boxed().shared();
        *last = Some(session.clone());
        session
    }
}

async fn assume(way: Arc<Way>) -> Result<Credentials, Failure> {
    let (role, config) = (&way.role, aws_sdk_sts::config::Builder::from(&way.config));
    let hears = Hears {
        ended: Some(Arc::clone(&way.ended)),
    };
    let sts = aws_sdk_sts::Client::from_conf(config.interceptor(hears).retry_classifier(Renews).build());
    let mut refused = None;
    loop {
        let code = match &role.serial {
            Some(serial) => Some((serial, way.code(serial, refused.take()).await?)),
            None => None,
        };
        let answer = sts
            .assume_role()
            .role_arn(&role.arn)
            .role_session_name(&role.session)
            .set_external_id(role.external_id.clone())
            .set_duration_seconds(role.seconds)
            .set_serial_number(code.as_ref().map(|(serial, _)| (*serial).clone()))
            .set_token_code(code.map(|(_, code)| code))
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let given = answer.credentials.map(credentials);
                return given.ok_or_else(|| refusal(role.name(), "STS answered without credentials"));
            }
            Err(error) if error.message().is_some_and(is_about_the_code) => {
                refused = error.message().map(str::to_owned);
            }
            Err(error) => return Err(refusal(role.name(), error)),
        }
    }
}

fn refusal(role: String, error: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
    Failure::Refused(Refused(role, Arc::from(error.into())))
}

/// Another code may help: this one was mistyped, is over, or was used before.
fn is_about_the_code(message: &str) -> bool {
    message.contains("MultiFactorAuthentication failed with invalid MFA one time pass code")
}

pub(super) fn credentials(given: aws_sdk_sts::types::Credentials) -> Credentials {
    Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        SystemTime::try_from(given.expiration).ok(),
        "AssumeRole",
    )
}

impl Way {
    /// A code that may be one, from the person.
    async fn code(&self, serial: &str, mut refused: Option<String>) -> Result<String, Failure> {
        loop {
            let wanted = Wanted::MfaCode {
                profile: self.role.profile.clone(),
                serial: serial.to_owned(),
                refused: refused.take(),
            };
            let answer = self.person.ask(wanted).await;
            match &answer {
                Some(Answer::Code(code)) if is_code(code.dangerously_show()) => {
                    return Ok(String::from_utf8_lossy(code.dangerously_show()).into_owned());
                }
                Some(Answer::Code(_)) => refused = Some("a code has six digits".to_owned()),
                Some(Answer::No | Answer::Done) | None => {
                    return Err(Failure::NoCode(NoCode {
                        profile: self.role.profile.clone(),
                        serial: serial.to_owned(),
                        is_withheld: answer.is_some(),
                        turn: self.person.turn(),
                    }));
                }
            }
        }
    }
}
