//! A login that is missing or has ended, told with the command that mends it: the SDK knows the file that it did not find,
//! this knows the profile.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};

use super::causes::chain;
use super::person::Person;
use crate::domain::{Answer, Wanted};

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

/// Credentials whose faults name the profile, and which wait for the person where a login is missing.
struct Telling {
    inner: Mutex<SharedCredentialsProvider>,
    /// Makes them anew: they keep tokens, also such as hold no longer.
    make: Option<Box<Make>>,
    profile: Option<String>,
    /// What the login is kept under.
    session: String,
    person: Person,
    /// How long they may take.
    within: Duration,
    /// The last time that the person was asked to log in.
    asked: Mutex<Option<Asked>>,
}

type Make = dyn Fn() -> SharedCredentialsProvider + Send + Sync;
/// The answer, and the person's turn when it was given.
type Asked = Shared<BoxFuture<'static, (Option<Answer>, u64)>>;

impl ProvideCredentials for Telling {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            match self.provided().await {
                Err(error) if is_login(&error) && self.is_logged_in().await => self.provided().await,
                provided => provided,
            }
            .map_err(|error| self.told(error))
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.inner().fallback_on_interrupt()
    }
}

impl Telling {
    fn inner(&self) -> SharedCredentialsProvider {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn provided(&self) -> Result<Credentials, CredentialsError> {
        let provided = tokio::time::timeout(self.within, self.inner().provide_credentials()).await;
        provided.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(self.within)))
    }

    /// Whether the person has logged in, who is asked to once for all calls that wait.
    async fn is_logged_in(&self) -> bool {
        let (Some(profile), Some(make)) = (&self.profile, &self.make) else {
            return false;
        };
        let is_done = self.login(profile).await.0 == Some(Answer::Done);
        if is_done {
            *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = make();
        }
        is_done
    }

    fn login(&self, profile: &str) -> Asked {
        let mut last = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = &*last
            && match asked.peek() {
                None => true,
                Some((Some(Answer::Done), _)) => false,
                // Who does not want to is not asked again at every call.
                Some((_, turn)) => *turn == self.person.turn(),
            }
        {
            return asked.clone();
        }
        let (person, profile) = (self.person.clone(), profile.to_owned());
        let session = self.session.clone();
        // A task: whoever began to wait may leave.
        let task = tokio::spawn(async move {
            let answer = person.ask(Wanted::Login { profile, session }).await;
            (answer, person.turn())
        });
        let asked = task.map(Result::unwrap_or_default).boxed().shared();
        *last = Some(asked.clone());
        asked
    }

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

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
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

/// The same credentials, which name the profile when its login is missing. What `within` allows they may take.
pub(super) fn telling(
    inner: SharedCredentialsProvider,
    profile: Option<String>,
    within: Duration,
) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Telling {
        inner: Mutex::new(inner),
        make: None,
        profile,
        session: String::new(),
        person: Person::nobody(),
        within,
        asked: Mutex::default(),
    })
}

/// The same for those that a login of this person's mends, made anew then.
pub(super) fn waiting(
    make: impl Fn() -> SharedCredentialsProvider + Send + Sync + 'static,
    (profile, session): (String, String),
    within: Duration,
    person: &Person,
) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Telling {
        inner: Mutex::new(make()),
        make: Some(Box::new(make)),
        profile: Some(profile),
        session,
        person: person.clone(),
        within,
        asked: Mutex::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fault;
    use super::*;
    use crate::domain::FaultKind;

    fn told(words: &str) -> crate::domain::Fault {
        let credentials = Credentials::new("AKIA", "secret", None, None, "test");
        let telling = Telling {
            inner: Mutex::new(SharedCredentialsProvider::new(credentials)),
            make: None,
            profile: Some("research".to_owned()),
            session: String::new(),
            person: Person::nobody(),
            within: Duration::ZERO,
            asked: Mutex::default(),
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
