//! On whose terms buckets are asked: the account that a bucket must belong to, and who pays for the request.
//!
//! An interceptor, so that no call can forget it, whether it writes, reads or lists.

use aws_sdk_s3::config::endpoint::Params;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::endpoint::EndpointResolverParams;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_types::config_bag::ConfigBag;

use crate::aws::Aws;
use crate::aws::hooks::intercepts;
use crate::domain::{Fault, FaultKind, UploadRule};

const OWNER: &str = "x-amz-expected-bucket-owner";
const PAYER: &str = "x-amz-request-payer";

/// What the rules for a bucket say of every call to it.
#[derive(Debug)]
pub(in crate::aws) struct Terms(pub(in crate::aws) Vec<UploadRule>);

intercepts! {
    Terms:

    fn modify_before_signing(self, context: &mut BeforeTransmitInterceptorContextMut<'_>, config) {
        // What is yet to be made is nobody's.
        let makes_it = config
            .load::<Metadata>()
            .is_some_and(|call| call.name() == "CreateBucket");
        let Some(bucket) = asked(config).filter(|_| !makes_it) else {
            return Ok(());
        };
        let settings = UploadRule::of(&self.0, bucket);
        let headers = context.request_mut().headers_mut();
        if let Some(owner) = settings.owner {
            headers.try_insert(OWNER, owner)?;
        }
        if settings.requester_pays {
            headers.insert(PAYER, "requester");
        }
        Ok(())
    }
}

/// A refusal of a bucket that was to be of a certain account: it may be of another, and S3 does not say so.
pub(in crate::aws) fn owned(aws: &Aws, bucket: &str, fault: Fault) -> Fault {
    match aws.upload_settings(bucket).owner {
        Some(owner) if fault.kind == FaultKind::Denied => Fault {
            remedy: format!("{}; perhaps the bucket is not of the account {owner}", fault.remedy),
            ..fault
        },
        Some(_) | None => fault,
    }
}

/// The bucket that the call under way is to; an answer does not say which it was.
pub(super) fn asked(config: &ConfigBag) -> Option<&str> {
    config.load::<EndpointResolverParams>()?.get::<Params>()?.bucket()
}
