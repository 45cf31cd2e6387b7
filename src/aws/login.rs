//! A login that is missing or has ended, told with the command that mends it: the SDK knows the file that it did not find,
//! this knows the profile.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};

use super::causes::{chain, find};
use super::person::Person;
use super::profile::SignIn;
use super::renewal::Ended;
use crate::domain::{Answer, LoginWay, Wanted};

/// The profile's login is missing or has ended.
#[derive(Debug)]
pub(super) struct NoLogin {
    profile: Option<String>,
    pub(super) way: LoginWay,
    source: CredentialsError,
}

impl NoLogin {
    /// What logs in.
    pub(super) fn command(&self) -> String {
        self.way.command(self.profile.as_deref().unwrap_or("default"))
    }
}

impl fmt::Display for NoLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.way {
            LoginWay::SingleSignOn => "there is no valid SSO login",
            LoginWay::Console => "there is no valid login",
        })?;
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

/// The session is kept still, and holds no longer.
#[derive(Debug)]
struct Over;

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AWS says that the session has ended")
    }
}

impl Error for Over {}

/// Credentials whose faults name the profile, and which wait for the person where a login is missing.
struct Telling {
    inner: Mutex<SharedCredentialsProvider>,
    /// Makes them anew: they keep tokens, also such as hold no longer.
    make: Option<Box<Make>>,
    profile: Option<String>,
    /// How the login is made.
    way: LoginWay,
    /// What it is kept under.
    session: String,
    person: Person,
    /// How long they may take.
    within: Duration,
    /// Also such as a file still has.
    ended: Arc<Ended>,
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
            let mut is_still_missing = false;
            loop {
                match self.provided().await {
                    Err(error) if is_login(&error, self.way) && self.is_logged_in(is_still_missing).await => {
                        is_still_missing = true;
                    }
                    provided => return provided.map_err(|error| self.told(error)),
                }
            }
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.inner().fallback_on_interrupt()
    }
}

impl Telling {
    /// Of single sign-on, whoever may log in; nobody is asked to.
    fn of(inner: SharedCredentialsProvider, profile: Option<String>, within: Duration) -> Self {
        Self {
            inner: Mutex::new(inner),
            make: None,
            profile,
            way: LoginWay::SingleSignOn,
            session: String::new(),
            person: Person::nobody(),
            within,
            ended: Arc::default(),
            asked: Mutex::default(),
        }
    }

    fn inner(&self) -> SharedCredentialsProvider {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn provided(&self) -> Result<Credentials, CredentialsError> {
        let given = self.given().await?;
        let (true, Some(make)) = (self.ended.have(&given), &self.make) else {
            return Ok(given);
        };
        self.put(make());
        let given = self.given().await?;
        // No login gives others for single sign-on: there every call for them does.
        if self.way == LoginWay::Console && self.ended.have(&given) {
            return Err(CredentialsError::provider_error(Over));
        }
        Ok(given)
    }

    async fn given(&self) -> Result<Credentials, CredentialsError> {
        let given = tokio::time::timeout(self.within, self.inner().provide_credentials()).await;
        given.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(self.within)))
    }

    fn put(&self, provider: SharedCredentialsProvider) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = provider;
    }

    /// Whether the person has logged in, who is asked to once for all calls that wait.
    async fn is_logged_in(&self, is_still_missing: bool) -> bool {
        let (Some(profile), Some(make)) = (&self.profile, &self.make) else {
            return false;
        };
        let is_done = self.login(profile, is_still_missing).await.0 == Some(Answer::Done);
        if is_done {
            self.put(make());
        }
        is_done
    }

    fn login(&self, profile: &str, is_still_missing: bool) -> Asked {
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
        let person = self.person.clone();
        let wanted = Wanted::Login {
            profile: profile.to_owned(),
            session: self.session.clone(),
            way: self.way,
            is_still_missing,
        };
        // A task: whoever began to wait may leave.
        let task = tokio::spawn(async move {
            let answer = person.ask(wanted).await;
            (answer, person.turn())
        });
        let asked = task.map(Result::unwrap_or_default).boxed().shared();
        *last = Some(asked.clone());
        asked
    }

    fn told(&self, error: CredentialsError) -> CredentialsError {
        if is_login(&error, self.way) {
            CredentialsError::provider_error(NoLogin {
                profile: self.profile.clone(),
                way: self.way,
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
fn is_login(error: &CredentialsError, way: LoginWay) -> bool {
    let words = chain(error);
    let has = |known: &[&str]| known.iter().any(|known| words.contains(known));
    match way {
        LoginWay::SingleSignOn => {
            has(&["SSO token", "/sso/cache/", "SSO session"])
                || has(&["UnauthorizedException"]) && words.to_ascii_lowercase().contains("session token")
        }
        // A token that could not be renewed for want of an answer, or of the right to, is mended by no login.
        LoginWay::Console => {
            find::<Over>(error).is_some()
                || has(&[
                    "failed to read `",
                    "cached Login token file",
                    "cached Login token is expired",
                    "reauthenticate",
                ])
                || has(&["failed to refresh cached Login token"]) && has(&["ValidationException"])
        }
    }
}

/// The same credentials, which name the profile when its login is missing. What `within` allows they may take.
pub(super) fn telling(
    inner: SharedCredentialsProvider,
    profile: Option<String>,
    within: Duration,
) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Telling::of(inner, profile, within))
}

/// The same for those that a login of this person's mends, made anew then.
pub(super) fn waiting(
    make: impl Fn() -> SharedCredentialsProvider + Send + Sync + 'static,
    sign_in: &SignIn,
    within: Duration,
    person: &Person,
    ended: &Arc<Ended>,
) -> SharedCredentialsProvider {
    let telling = Telling::of(make(), Some(sign_in.profile.clone()), within);
    SharedCredentialsProvider::new(Telling {
        way: sign_in.way(),
        session: sign_in.session().to_owned(),
        person: person.clone(),
        ended: Arc::clone(ended),
        make: Some(Box::new(make)),
        ..telling
    })
}

#[cfg(test)]
mod tests {
    use super::super::fault;
    use super::*;
    use crate::domain::FaultKind;

    fn told(words: &str, way: LoginWay) -> crate::domain::Fault {
        let credentials = Credentials::new("AKIA", "secret", None, None, "test");
        let inner = SharedCredentialsProvider::new(credentials);
        let telling = Telling {
            way,
            ..Telling::of(inner, Some("research".to_owned()), Duration::ZERO)
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
            let fault = told(words, LoginWay::SingleSignOn);
            assert_eq!(fault.kind, FaultKind::Expired, "{fault}");
            assert!(fault.remedy.contains("`aws sso login --profile research`"), "{fault}");
            assert!(fault.cause.contains("research"), "{fault}");
        }
    }

    #[test]
    fn a_session_of_the_console_that_is_missing_or_has_ended_is_told_with_the_command_that_mends_it() {
        for words in [
            "failed to read `/home/ann/.aws/login/cache/0ab1.json`: No such file or directory",
            "cached Login token is expired",
            "invalid JSON in cached Login token file",
            "failed to refresh cached Login token: Your session has expired. Please reauthenticate.",
            "failed to refresh cached Login token: ValidationException: Invalid refresh token",
        ] {
            let fault = told(words, LoginWay::Console);
            assert_eq!(fault.kind, FaultKind::Expired, "{fault}");
            assert!(fault.remedy.contains("`aws login --profile research`"), "{fault}");
            assert!(fault.to_string().contains("run it again"), "{fault}");
        }
    }

    #[test]
    fn other_credentials_that_fail_are_not_mended_by_a_login() {
        for words in [
            "the process `get-keys` exited with 1",
            "failed to refresh cached Login token: dispatch failure: connection refused",
            "failed to refresh cached Login token: Unable to refresh credentials due to insufficient permissions.",
        ] {
            for way in [LoginWay::SingleSignOn, LoginWay::Console] {
                let fault = told(words, way);
                assert!(!fault.to_string().contains("login --profile"), "{fault}");
            }
        }
        let unheard = told(
            "failed to refresh cached Login token: dispatch failure",
            LoginWay::Console,
        );
        assert!(unheard.is_transient(), "{unheard}");
    }
}
