//! Buckets live in regions of their own: S3 tells which, and it is remembered. Those of access points stand in their ARNs.
//!
//! A request that reaches another region is answered with the bucket's (`x-amz-bucket-region`); it is made again there, at
//! once, and every later one goes there first. Nothing is asked about beforehand. Of requests that are under way together each
//! one is made again, also where another was told first.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use aws_sdk_s3::config::endpoint::{DefaultResolver, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use super::terms::asked;
use crate::aws::hooks::{again_if_marked, intercepts};
use crate::aws::not_asked::NotAsked;
use crate::domain::{Fault, bucket};

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

    fn learn(&self, bucket: &str, region: &str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(bucket.to_owned(), region.to_owned());
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
        match self.elsewhere(params) {
            Ok(Some(moved)) => EndpointFuture::new(async move { self.inner.resolve_endpoint(&moved).await }),
            Ok(None) => self.inner.resolve_endpoint(params),
            Err(refused) => EndpointFuture::new(async move { Err(refused.into()) }),
        }
    }
}

impl ByBucket {
    /// Where the bucket really is; `None` where the SDK finds it by itself.
    fn elsewhere(&self, params: &Params) -> Result<Option<Params>, NotAsked> {
        let Some(bucket) = params.bucket() else { return Ok(None) };
        bucket::check("ask", bucket).map_err(NotAsked)?;
        if !bucket::is_access_point(bucket) {
            let region = self.regions.of(bucket);
            return Ok(region.and_then(|region| changed(params, Some(region), params.force_path_style())));
        }
        let Some(endpoint) = params.endpoint() else {
            return Ok(None);
        };
        if has_no_names(endpoint) {
            let cause = format!("an access point has a host name of its own, and there is none at {endpoint}");
            let remedy = "give the bucket that it is an access point of";
            return Err(NotAsked(Fault::usage("ask", bucket, cause, remedy)));
        }
        Ok(changed(params, params.region().map(str::to_owned), Some(false)))
    }
}

/// Whether it is an address, before which no name can stand.
fn has_no_names(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    authority.starts_with('[') || host.parse::<IpAddr>().is_ok()
}

/// The same in another region, or in another style.
fn changed(params: &Params, region: Option<String>, in_path: Option<bool>) -> Option<Params> {
    let text = |text: Option<&str>| text.map(str::to_owned);
    Params::builder()
        .set_bucket(text(params.bucket()))
        .set_region(region)
        .set_use_fips(params.use_fips())
        .set_use_dual_stack(params.use_dual_stack())
        .set_endpoint(text(params.endpoint()))
        .set_force_path_style(in_path)
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
}

/// The region that a request was signed for, which is where it went.
fn signed_for(authorization: &str) -> Option<&str> {
    let (_, scope) = authorization.split_once("Credential=")?;
    scope.split(',').next()?.split('/').nth_back(2)
}

/// The same, until the answer comes.
#[derive(Debug)]
struct Sent(String);

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

/// Marks an answer to a request that went to another region than its bucket's.
const NEWS: &str = "strongroom-bucket-moved";

intercepts! {
    Listens:

    fn read_before_transmit(self, context: &BeforeTransmitInterceptorContextRef<'_>, config) {
        let authorization = context.request().headers().get("authorization");
        let sent = authorization.and_then(signed_for).map(|region| Sent(region.to_owned()));
        config.interceptor_state().store_or_unset(sent);
        Ok(())
    }

    fn modify_before_deserialization(self, context: &mut BeforeDeserializationInterceptorContextMut<'_>, config) {
        let answer = context.response();
        let is_elsewhere = [301, 307, 400].contains(&answer.status().as_u16());
        let told = answer.headers().get(HEADER).filter(|_| is_elsewhere);
        if let (Some(region), Some(Sent(sent)), Some(bucket)) = (told, config.load::<Sent>(), asked(config))
            && !bucket::is_access_point(bucket)
            && sent != region
        {
            self.regions.learn(bucket, region);
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
        again_if_marked(context, NEWS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_before_hosts_and_not_before_addresses() {
        for (url, has_none) in [
            ("http://127.0.0.1:4566", true),
            ("http://[::1]:4566/", true),
            ("https://10.0.0.1", true),
            ("http://s3.test:80/x", false),
            ("http://localhost:4566", false),
            ("https://127.0.0.1.example.com", false),
        ] {
            assert_eq!(has_no_names(url), has_none, "{url}");
        }
    }

    #[test]
    fn where_a_request_went_stands_in_its_signature() {
        let of = |scope: &str| format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00");
        let whole = of("AKIAEXAMPLE/20261201/eu-west-1/s3/aws4_request");
        assert_eq!(signed_for(&whole), Some("eu-west-1"));
        for other in [&of("AKIAEXAMPLE/20261201"), "Bearer x", "", "Credential="] {
            assert_eq!(signed_for(other), None, "{other}");
        }
    }
}
