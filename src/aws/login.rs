//! A login that is missing or has ended, told with the command that mends it: the SDK knows the file that it did not find,
//! this knows the profile.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::causes::chain;
use crate::config::Connection;

/// The profile's single sign-on has no session.
#[derive(Debug)]
pub(super) struct NoLogin {
    profile: Option<String>,
    source: CredentialsError,
}

impl NoLogin {
    /// What logs in.
    pub(super) fn command(&self) -> String {
        match &self.profile {
            Some(profile) => format!("aws sso login --profile {profile}"),
            None => "aws sso login".to_owned(),
        }
    }
}

impl fmt::Display for NoLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no valid SSO login")?;
        match &self.profile {
            Some(profile) => write!(f, " for the profile {profile}"),
            None => Ok(()),
        }
    }
}

impl Error for NoLogin {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Credentials whose faults name the profile.
#[derive(Debug)]
struct Telling {
    inner: SharedCredentialsProvider,
    profile: Option<String>,
    /// How long they may take.
    within: Option<Duration>,
}

impl ProvideCredentials for Telling {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let provided = self.inner.provide_credentials();
            let provided = match self.within {
                Some(within) => tokio::time::timeout(within, provided)
                    .await
                    .unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(within))),
                None => provided.await,
            };
            provided.map_err(|error| self.told(error))
        })
    }

    fn fallback_on_interrupt(&self) -> Option<aws_credential_types::Credentials> {
        self.inner.fallback_on_interrupt()
    }
}

impl Telling {
    fn told(&self, error: CredentialsError) -> CredentialsError {
        if is_login(&error) {
            CredentialsError::provider_error(NoLogin {
                profile: self.profile.clone(),
                source: error,
            })
        } else {
            error
        }
    }
}

/// The SDK has no error of its own for it: its words, and the folder where logins are kept, tell.
fn is_login(error: &CredentialsError) -> bool {
    let words = chain(error);
    ["SSO token", "/sso/cache/", "SSO session"]
        .iter()
        .any(|known| words.contains(known))
        || words.contains("UnauthorizedException") && words.to_ascii_lowercase().contains("session token")
}

/// The same way to AWS, whose credentials name the profile when its login is missing. `within` is how long they may take
/// where the calls that want them wait longer.
pub(super) fn telling(config: SdkConfig, connection: &Connection, within: Option<Duration>) -> SdkConfig {
    let Some(inner) = config.credentials_provider() else {
        return config;
    };
    let profile = connection.profile.clone();
    let provider = SharedCredentialsProvider::new(Telling { inner, profile, within });
    config.into_builder().credentials_provider(provider).build()
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;

    use super::super::fault;
    use super::*;
    use crate::domain::FaultKind;

    fn told(words: &str) -> crate::domain::Fault {
        let credentials = Credentials::new("AKIA", "secret", None, None, "test");
        let telling = Telling {
            inner: SharedCredentialsProvider::new(credentials),
            profile: Some("research".to_owned()),
            within: None,
        };
        let error = telling.told(CredentialsError::provider_error(words.to_owned()));
        fault::of_stream("list", "keys", &error)
    }

    #[test]
    fn a_login_that_is_missing_or_has_ended_is_told_with_the_command_that_mends_it() {
        for words in [
            "failed to read `/home/ann/.aws/sso/cache/0ab1.json`: No such file or directory",
            "the SSO token has expired and cannot be refreshed",
            "UnauthorizedException: Session token not found or invalid",
        ] {
            let fault = told(words);
            assert_eq!(fault.kind, FaultKind::Expired, "{fault}");
            assert!(fault.remedy.contains("`aws sso login --profile research`"), "{fault}");
            assert!(fault.cause.contains("research"), "{fault}");
        }
    }

    #[test]
    fn other_credentials_that_fail_are_not_mended_by_a_login() {
        assert!(
            !told("the process `get-keys` exited with 1")
                .to_string()
                .contains("sso login")
        );
    }
}
