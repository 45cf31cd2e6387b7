//! Buckets live in regions of their own: S3 tells which, and it is remembered.
//!
//! A request that reaches another region is answered with the bucket's (`x-amz-bucket-region`); it is made again there, at
//! once, and every later one goes there first. Nothing is asked about beforehand.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_sdk_s3::config::endpoint::{DefaultResolver, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use aws_smithy_types::retry::ErrorKind;

/// What S3 says it in.
const HEADER: &str = "x-amz-bucket-region";

/// The regions of buckets that are not where the session is.
#[derive(Debug, Default)]
pub(in crate::aws) struct Regions(RwLock<HashMap<String, String>>);

impl Regions {
    fn of(&self, bucket: &str) -> Option<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(bucket).cloned()
    }

    /// True if it is news.
    fn learn(&self, bucket: &str, region: &str) -> bool {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(bucket.to_owned(), region.to_owned()).as_deref() != Some(region)
    }
}

/// Sends requests to the regions of their buckets.
#[derive(Debug)]
pub(in crate::aws) struct ByBucket {
    inner: DefaultResolver,
    regions: Arc<Regions>,
}

impl ByBucket {
    pub(in crate::aws) fn new(regions: Arc<Regions>) -> Self {
        Self {
            inner: DefaultResolver::new(),
            regions,
        }
    }
}

impl ResolveEndpoint for ByBucket {
    fn resolve_endpoint<'a>(&'a self, params: &'a Params) -> EndpointFuture<'a> {
        let region = params.bucket().and_then(|bucket| self.regions.of(bucket));
        let moved = region.and_then(|region| in_region(params, region));
        match moved {
            Some(moved) => EndpointFuture::new(async move { self.inner.resolve_endpoint(&moved).await }),
            None => self.inner.resolve_endpoint(params),
        }
    }
}

/// The same in another region.
fn in_region(params: &Params, region: String) -> Option<Params> {
    let text = |text: Option<&str>| text.map(str::to_owned);
    Params::builder()
        .set_bucket(text(params.bucket()))
        .set_region(Some(region))
        .set_use_fips(params.use_fips())
        .set_use_dual_stack(params.use_dual_stack())
        .set_endpoint(text(params.endpoint()))
        .set_force_path_style(params.force_path_style())
        .set_accelerate(params.accelerate())
        .set_use_global_endpoint(params.use_global_endpoint())
        .set_use_object_lambda_endpoint(params.use_object_lambda_endpoint())
        .set_key(text(params.key()))
        .set_prefix(text(params.prefix()))
        .set_copy_source(text(params.copy_source()))
        .set_disable_access_points(params.disable_access_points())
        .set_disable_multi_region_access_points(params.disable_multi_region_access_points())
        .set_use_arn_region(params.use_arn_region())
        .set_use_s3_express_control_endpoint(params.use_s3_express_control_endpoint())
        .set_disable_s3_express_session_auth(params.disable_s3_express_session_auth())
        .build()
        .ok()
}

/// Hears where a bucket is.
#[derive(Debug)]
pub(in crate::aws) struct Listens {
    pub(in crate::aws) regions: Arc<Regions>,
    /// Where buckets are sought first.
    pub(in crate::aws) home: String,
    /// Whether the bucket is in the path, as own endpoints have it.
    pub(in crate::aws) in_path: bool,
}

/// The bucket of the request under way; an answer does not say which it was.
#[derive(Debug)]
struct Asked(String);

impl Storable for Asked {
    type Storer = StoreReplace<Self>;
}

/// Marks an answer from which a bucket's region was learnt.
const NEWS: &str = "strongroom-bucket-moved";

#[dyn_dispatch_hint]
impl Intercept for Listens {
    fn name(&self) -> &'static str {
        "Listens"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(bucket) = bucket_of(context.request().uri(), self.in_path) {
            config.interceptor_state().store_put(Asked(bucket.to_owned()));
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        let is_elsewhere = [301, 307, 400].contains(&answer.status().as_u16());
        let told = answer.headers().get(HEADER).filter(|_| is_elsewhere);
        if let (Some(region), Some(Asked(bucket))) = (told, config.load::<Asked>())
            && self.regions.of(bucket).as_ref().unwrap_or(&self.home) != region
            && self.regions.learn(bucket, region)
        {
            context.response_mut().headers_mut().insert(NEWS, "1");
        }
        Ok(())
    }
}

/// Has a request made again where its bucket is, once that is known.
#[derive(Debug)]
pub(in crate::aws) struct Redirects;

impl ClassifyRetry for Redirects {
    fn name(&self) -> &'static str {
        "the bucket's region"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().and_then(|answer| answer.headers().get(NEWS)) {
            Some(_) => RetryAction::retryable_error_with_explicit_delay(ErrorKind::TransientError, Duration::ZERO),
            None => RetryAction::NoActionIndicated,
        }
    }
}

/// The bucket of a request, by its address.
fn bucket_of(uri: &str, in_path: bool) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let bucket = if in_path {
        path.split(['/', '?']).next()?
    } else {
        let (bucket, _) = host.split_once(".s3.").or_else(|| host.split_once(".s3-"))?;
        bucket
    };
    (!bucket.is_empty()).then_some(bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_read_off_the_address() {
        for (uri, in_path, bucket) in [
            (
                "https://data.s3.eu-west-1.amazonaws.com/a/b?x-id=GetObject",
                false,
                Some("data"),
            ),
            ("https://my.data.s3.amazonaws.com/", false, Some("my.data")),
            ("https://s3.amazonaws.com/", false, None),
            ("http://127.0.0.1:4566/data/a/b", true, Some("data")),
            ("http://127.0.0.1:4566/data?list-type=2", true, Some("data")),
            ("http://127.0.0.1:4566/", true, None),
        ] {
            assert_eq!(bucket_of(uri, in_path), bucket, "{uri}");
        }
    }

    #[test]
    fn a_region_is_news_once() {
        let regions = Regions::default();
        assert!(regions.learn("data", "eu-west-1"));
        assert!(!regions.learn("data", "eu-west-1"));
        assert_eq!(regions.of("data").as_deref(), Some("eu-west-1"));
        assert!(regions.learn("data", "us-east-1"));
        assert_eq!(regions.of("other"), None);
    }
}
