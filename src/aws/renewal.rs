//! Credentials that AWS says have ended, although they look as if they held: others are asked for once, and the call is made
//! again with them.
//!
//! A session may end between its signature and the look at it, or be ended by somebody; and what a file or a process gave an
//! hour ago says nothing of its end. Whoever gives credentials asks [`Ended`] whether they still serve.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextMut, InterceptorContext,
};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use futures::future::BoxFuture;

use super::gate::{access_key_of, error_code};
use super::hooks::{again_if_marked, intercepts};

/// What ends within this time is renewed before it is used.
const BEFORE_THEY_END: Duration = Duration::from_secs(10);
/// Marks an answer after which the call is made again.
const NEWS: &str = "strongroom-credentials-ended";

/// Which credentials have ended, by the id of their access key.
#[derive(Debug, Default)]
pub(super) struct Ended(Mutex<BTreeMap<String, Others>>);

/// Whether there are others instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    /// They are to be asked for, or were.
    Wanted,
    /// Whoever was asked gave the same ones.
    None,
}

impl Ended {
    /// AWS says that they have; whether others may serve.
    fn note(&self, access_key: &str) -> bool {
        let others = *self.all().entry(access_key.to_owned()).or_insert(Others::Wanted);
        others == Others::Wanted
    }

    /// Whether these have.
    pub(super) fn have(&self, credentials: &Credentials) -> bool {
        self.all().contains_key(credentials.access_key_id())
    }

    /// There are no others.
    fn stay(&self, credentials: &Credentials) {
        self.all().insert(credentials.access_key_id().to_owned(), Others::None);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Others>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes what gives credentials, from whatever files and variables say now.
pub(super) type Make = dyn Fn() -> BoxFuture<'static, SharedCredentialsProvider> + Send + Sync;

/// Credentials that are kept until they end. (The SDK's own cache keeps them until the end that they name, whatever AWS says.)
struct Kept {
    make: Box<Make>,
    ended: Arc<Ended>,
    now: tokio::sync::Mutex<Now>,
}

#[derive(Default)]
struct Now {
    provider: Option<SharedCredentialsProvider>,
    credentials: Option<Credentials>,
}

/// The credentials of what `make` makes, kept until they end, and those of another that it makes then.
pub(super) fn kept(
    make: impl Fn() -> BoxFuture<'static, SharedCredentialsProvider> + Send + Sync + 'static,
    ended: &Arc<Ended>,
) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Kept {
        make: Box::new(make),
        ended: Arc::clone(ended),
        now: tokio::sync::Mutex::default(),
    })
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.provided())
    }
}

impl Kept {
    async fn provided(&self) -> provider::Result {
        // Whoever comes meanwhile waits for the same.
        let mut now = self.now.lock().await;
        if let Some(kept) = now.credentials.as_ref().filter(|kept| self.serve(kept)) {
            return Ok(kept.clone());
        }
        let mut given = self.ask(&mut now).await?;
        if self.ended.have(&given) {
            now.provider = None;
            given = self.ask(&mut now).await?;
            if self.ended.have(&given) {
                self.ended.stay(&given);
            }
        }
        now.credentials = Some(given.clone());
        Ok(given)
    }

    async fn ask(&self, now: &mut Now) -> provider::Result {
        let provider = match &now.provider {
            Some(provider) => provider.clone(),
            None => now.provider.insert((self.make)().await).clone(),
        };
        let given = provider.provide_credentials().await?;
        match unusable(&given) {
            Some(why) => Err(CredentialsError::invalid_configuration(why)),
            None => Ok(given),
        }
    }

    fn serve(&self, kept: &Credentials) -> bool {
        !self.ended.have(kept)
            && kept
                .expiry()
                .is_none_or(|end| end > SystemTime::now() + BEFORE_THEY_END)
    }
}

/// Credentials that no request can carry: the SDK panics at them.
#[derive(Debug)]
pub(super) struct Unusable {
    part: &'static str,
    /// Where they come from.
    pub(super) source: String,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, source } = self;
        write!(
            f,
            "the {part} from {source} holds a line break, a space or another character that none has"
        )
    }
}

impl Error for Unusable {}

/// What of these no request can carry.
pub(super) fn unusable(given: &Credentials) -> Option<Unusable> {
    let parts = [
        ("access key", "AWS_ACCESS_KEY_ID", Some(given.access_key_id())),
        (
            "secret access key",
            "AWS_SECRET_ACCESS_KEY",
            Some(given.secret_access_key()),
        ),
        ("session token", "AWS_SESSION_TOKEN", given.session_token()),
    ];
    let is_good = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let (part, variable, _) = parts
        .into_iter()
        .find(|(_, _, text)| text.is_some_and(|text| !is_good(text)))?;
    let features = given.get_property::<Vec<AwsCredentialFeature>>();
    let has = |wanted: &AwsCredentialFeature| features.is_some_and(|features| features.contains(wanted));
    let source = if has(&AwsCredentialFeature::CredentialsEnvVars) {
        format!("{variable} in the environment")
    } else if has(&AwsCredentialFeature::CredentialsProfileProcess) || has(&AwsCredentialFeature::CredentialsProcess) {
        "the credential_process of the profile".to_owned()
    } else {
        "the profile's credentials".to_owned()
    };
    Some(Unusable { part, source })
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

/// Hears that the credentials of a call have ended.
#[derive(Debug)]
pub(super) struct Hears {
    /// `None` where nobody gives others.
    pub(super) ended: Option<Arc<Ended>>,
}

/// What the request was signed with.
#[derive(Debug)]
struct Signed(String);

impl Storable for Signed {
    type Storer = StoreReplace<Self>;
}

/// Whose end a call was made again for: no call is for the same ones twice.
#[derive(Debug)]
struct Again(String);

impl Storable for Again {
    type Storer = StoreReplace<Self>;
}

intercepts! {
    Hears:

    fn read_before_transmit(self, context: &BeforeTransmitInterceptorContextRef<'_>, config) {
        if let Some(access_key) = access_key_of(context.request().headers()) {
            config.interceptor_state().store_put(Signed(access_key));
        }
        Ok(())
    }

    fn modify_before_attempt_completion(self, context: &mut FinalizerInterceptorContextMut<'_>, config) {
        let says = context
            .response()
            .and_then(error_code)
            .is_some_and(|code| is_end(&code));
        let has_failed = matches!(context.output_or_error(), Some(Err(_)));
        if let (Some(ended), Some(Signed(access_key))) = (&self.ended, config.load::<Signed>())
            && says
            && has_failed
            && config.load::<Again>().is_none_or(|Again(before)| before != access_key)
            && ended.note(access_key)
            && let Some(answer) = context.response_mut()
        {
            let again = Again(access_key.clone());
            answer.headers_mut().insert(NEWS, "1");
            config.interceptor_state().store_put(again);
        }
        Ok(())
    }
}

/// Has a call made again with other credentials.
#[derive(Debug)]
pub(super) struct Renews;

impl ClassifyRetry for Renews {
    fn name(&self) -> &'static str {
        "credentials that have ended"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        again_if_marked(context, NEWS)
    }
}

/// Whether an error of this name says that the credentials served before.
fn is_end(code: &str) -> bool {
    matches!(
        code,
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired"
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt as _;

    use super::*;

    /// Gives the credentials of these ids one after the other, each time that it is made; the last one for ever.
    fn giving(ids: &'static [&'static str], ended: &Arc<Ended>) -> (SharedCredentialsProvider, Arc<AtomicUsize>) {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let make = move || {
            let id = ids[count.fetch_add(1, Ordering::Relaxed).min(ids.len() - 1)];
            async move { SharedCredentialsProvider::new(Credentials::new(id, "secret", None, None, "test")) }.boxed()
        };
        (kept(make, ended), made)
    }

    async fn id(provider: &SharedCredentialsProvider) -> String {
        let credentials = provider.provide_credentials().await.unwrap();
        credentials.access_key_id().to_owned()
    }

    #[tokio::test]
    async fn credentials_are_kept_until_aws_says_that_they_have_ended() {
        let ended = Arc::default();
        let (provider, made) = giving(&["first", "second"], &ended);
        assert_eq!(
            (id(&provider).await, id(&provider).await),
            ("first".into(), "first".into())
        );
        assert_eq!(made.load(Ordering::Relaxed), 1);
        // Whoever used them at the same time is helped too.
        assert!(ended.note("first") && ended.note("first"));
        assert_eq!(
            (id(&provider).await, id(&provider).await),
            ("second".into(), "second".into())
        );
        assert_eq!(made.load(Ordering::Relaxed), 2);
        assert!(ended.note("first"), "a call that was late");
    }

    #[tokio::test]
    async fn where_there_are_no_others_nothing_is_made_again_until_there_are() {
        let ended = Arc::default();
        let (provider, _) = giving(&["only", "only", "another"], &ended);
        assert_eq!(id(&provider).await, "only");
        assert!(ended.note("only"));
        assert_eq!(id(&provider).await, "only");
        assert!(!ended.note("only"));
        // Somebody has written another into the file meanwhile.
        assert_eq!(
            (id(&provider).await, id(&provider).await),
            ("another".into(), "another".into())
        );
    }

    #[test]
    fn only_credentials_that_served_before_are_renewed() {
        assert!(is_end("ExpiredToken") && is_end("ExpiredTokenException") && is_end("RequestExpired"));
        for code in [
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "AccessDenied",
            "RequestTimeTooSkewed",
        ] {
            assert!(!is_end(code), "{code}");
        }
    }
}
