//! STS: who we are. Assuming a role is [`Aws::assume_role`].

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use jiff::Timestamp;

use super::Aws;
use super::fault::{Expected, Heard};
use super::hooks::intercepts;
use crate::domain::{Arn, Fault, Identity};

/// What is worth an answer, but not to be waited for where STS cannot be reached.
const SOON: Duration = Duration::from_secs(2);

/// The account that we are of, as far as it can be found out soon.
pub(crate) async fn account(aws: &Aws) -> Option<String> {
    if let Some(arn) = aws.inner.identity.get() {
        return Some(Arn::account_of(arn).to_owned());
    }
    let asked = tokio::time::timeout(SOON, caller_identity(aws)).await;
    asked.ok()?.ok().map(|identity| identity.account)
}

impl Aws {
    /// ARN of whoever we are, as far as it can be found out soon.
    pub(crate) async fn identity(&self) -> Option<String> {
        if let Some(arn) = self.inner.identity.get() {
            return Some(arn.clone());
        }
        let asked = tokio::time::timeout(SOON, caller_identity(self)).await;
        asked.ok()?.ok().map(|identity| identity.arn)
    }
}

pub(crate) async fn caller_identity(aws: &Aws) -> Result<Identity, Fault> {
    Ok(caller_identity_at(aws).await?.0)
}

/// Who we are, and what time it is there.
pub(crate) async fn caller_identity_at(aws: &Aws) -> Result<(Identity, Option<Timestamp>), Fault> {
    let (act, object) = ("ask for", "the caller's identity");
    let clock = Clock::default();
    let call = aws.sts().get_caller_identity().customize().interceptor(clock.clone());
    let answer = call.send().await.heard(act, object)?;
    let identity = Identity {
        arn: answer.arn.expected(act, object, "ARN")?,
        account: answer.account.expected(act, object, "account")?,
    };
    aws.note_identity(&identity);
    Ok((identity, clock.at.get().copied()))
}

/// Keeps the `Date` of the first answer.
#[derive(Debug, Clone, Default)]
struct Clock {
    at: Arc<OnceLock<Timestamp>>,
}

intercepts! {
    Clock:

    fn read_before_deserialization(self, context: &BeforeDeserializationInterceptorContextRef<'_>, _config) {
        if let Some(date) = context.response().headers().get("date")
            && let Ok(date) = jiff::fmt::rfc2822::parse(date)
        {
            self.at.get_or_init(|| date.timestamp());
        }
        Ok(())
    }
}
