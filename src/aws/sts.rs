//! STS: who we are. Assuming a role is [`Aws::assume_role`].

use super::{Aws, fault};
use crate::domain::{Fault, Identity};

pub(crate) async fn caller_identity(aws: &Aws) -> Result<Identity, Fault> {
    let (act, object) = ("ask for", "the caller's identity");
    let call = aws.sts().get_caller_identity();
    let answer = call.send().await.map_err(|error| fault::of(act, object, &error))?;
    Ok(Identity {
        arn: answer.arn.ok_or_else(|| fault::incomplete(act, object, "ARN"))?,
        account: answer
            .account
            .ok_or_else(|| fault::incomplete(act, object, "account"))?,
    })
}
