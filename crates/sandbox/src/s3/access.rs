//! Who may do what to S3. s3s has checked the signature; here the session and the policies are.
//!
//! A request that names a second resource (the source of a copy, the keys of a batch delete, a tag set beside an
//! object) is checked for that one in [`super::front`], with the caller that is left in its extensions.

use hyper::HeaderMap;
use s3s::S3ErrorCode;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::path::S3Path;
use s3s::{S3Error, S3Result};

use super::encryption::bucket_of;
use super::facts::{self, Facts};
use super::front::is_public;
use super::scope::Carrier;
use super::sent::Hoisted;
use super::served;
use super::store::Ownership;
use super::told::decoded;
use crate::policy::{Guard, NOTHING, Question};
use crate::prelude::*;
use crate::sigv4::{Authorization, header, signed_by};

/// Finds the secret that a signature must have been made with.
#[derive(Debug)]
pub(super) struct Secrets {
    pub(super) world: Arc<World>,
}

#[async_trait::async_trait]
impl S3Auth for Secrets {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        self.world
            .credential(access_key, "")
            .map(|credential| SecretKey::from(credential.secret))
            .ok_or_else(|| unknown_key().into())
    }
}

/// Lets through what the caller's policies allow.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) world: Arc<World>,
}

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Hoisted(hoisted) = cx.extensions_mut().get().cloned().unwrap_or_default();
        let mut caller = self.caller(cx, &hoisted)?;
        let access_key = cx.credentials().map(|credentials| credentials.access_key.clone());
        let headers = cx.headers().clone();
        caller.signed = signed_by(cx.extensions_mut(), &headers, &access_key.unwrap_or_default());
        let ownership = self.ownership(cx);
        served::check(cx.s3_op().name(), cx.uri().query(), cx.headers(), &hoisted, ownership)?;
        self.check_owner(cx)?;
        let facts = facts::of(
            &self.world,
            cx.s3_op().name(),
            cx.s3_path(),
            cx.uri().query(),
            cx.headers(),
        );
        if let Some((action, resource)) = needed(cx) {
            authorize(&self.world, &caller, action, &resource, &facts)?;
            // Whatever a policy allows, who else may use a bucket is its account's alone to say.
            let owner = self.world.s3.place(bucket_of(&resource));
            let is_of_other = owner.is_some_and(|owner| owner.account != caller.account());
            if action.contains("BucketPolicy") && is_of_other {
                let message = "The specified method is not allowed against this resource.";
                return Err(ApiError::new("MethodNotAllowed", message).status(405).into());
            }
            let is_of_owner = ownership == Ownership::Enforced
                || ownership == Ownership::Preferred
                    && header(cx.headers(), "x-amz-acl").as_deref() == Some("bucket-owner-full-control");
            if action == "s3:PutObject" && is_of_other && !is_of_owner {
                let message = "The sandbox does not serve objects of another account than the bucket's";
                return Err(ApiError::not_implemented(message).into());
            }
        }
        // s3s takes an empty one for none.
        if header(cx.headers(), "content-md5").is_some_and(|digest| digest.is_empty()) {
            return Err(ApiError::new("InvalidDigest", "The Content-MD5 you specified was invalid.").into());
        }
        cx.extensions_mut().insert(caller);
        cx.extensions_mut().insert(facts);
        Ok(())
    }
}

impl Gate {
    /// Who signed; the query's signature covers the headers that are `hoisted` there.
    fn caller(&self, cx: &S3AccessContext<'_>, hoisted: &[String]) -> S3Result<Caller> {
        let Some(credentials) = cx.credentials() else {
            return Err(S3Error::from(denied("Access Denied")));
        };
        let home = self.home(cx);
        let (region, token) = match Authorization::parse(cx.headers(), cx.uri().query()) {
            Some(Ok(mut authorization)) => {
                authorization.signed_headers.extend_from_slice(hoisted);
                self.check_scope(&authorization, &home, cx)?;
                (authorization.region, authorization.token)
            }
            // Regions of today know version 2 in headers no more, whatever day such a request is of.
            Some(Err(_)) => {
                return Err(ApiError::invalid_request(
                    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
                )
                .into());
            }
            // boto3 still presigns with version 2, which has no scope; s3s has checked it, and when it expires.
            None => {
                let token =
                    header(cx.headers(), "x-amz-security-token").or_else(|| parameter(cx, "x-amz-security-token"));
                (home, token)
            }
        };
        let caller = self
            .world
            .caller(&credentials.access_key, token.as_deref(), &region)
            .map_err(|error| match error.code.as_str() {
                "ExpiredTokenException" | "ExpiredToken" => {
                    ApiError::new("ExpiredToken", "The provided token has expired.")
                }
                _ => ApiError::new("InvalidToken", "The provided token is malformed or otherwise invalid."),
            })?;
        self.check_region(&caller.place.region, cx)?;
        Ok(caller)
    }

    /// Whose objects of the bucket are; one that is to be made may say so.
    fn ownership(&self, cx: &S3AccessContext<'_>) -> Ownership {
        let asked = header(cx.headers(), "x-amz-object-ownership").filter(|_| cx.s3_op().name() == "CreateBucket");
        match asked {
            Some(asked) => Ownership::parse(&asked).unwrap_or_default(),
            None => cx
                .s3_path()
                .get_bucket_name()
                .and_then(|bucket| self.world.s3.setting(bucket, |settings| settings.ownership).ok())
                .unwrap_or_default(),
        }
    }

    /// The region of the bucket that is asked for, or the world's first.
    fn home(&self, cx: &S3AccessContext<'_>) -> String {
        let place = cx
            .s3_path()
            .get_bucket_name()
            .and_then(|bucket| self.world.s3.place(bucket));
        place.map_or_else(|| self.world.home.region.clone(), |place| place.region)
    }

    /// A signature for a region that is not there, or one that leaves headers open, is not for this request.
    fn check_scope(&self, authorization: &Authorization, home: &str, cx: &S3AccessContext<'_>) -> S3Result<()> {
        if !self.world.has_region(&authorization.region) {
            let carrier = if cx.headers().contains_key("authorization") {
                Carrier::Header
            } else {
                Carrier::Query
            };
            let why = format!("the region '{}' is wrong; expecting '{home}'", authorization.region);
            return Err(carrier.refuses(&why).into());
        }
        authorization
            .check_headers(cx.headers())
            .map_err(|_| denied("There were headers present in the request which were not signed").into())
    }

    /// Whether the bucket, and that of a copy's source, belong to whom the caller believes.
    fn check_owner(&self, cx: &S3AccessContext<'_>) -> Result<(), ApiError> {
        let source = header(cx.headers(), "x-amz-copy-source").map(|source| decoded(&source));
        let of_source = source.as_deref().map(|source| source.trim_start_matches('/'));
        for (name, bucket) in [
            ("x-amz-expected-bucket-owner", cx.s3_path().get_bucket_name()),
            (
                "x-amz-source-expected-bucket-owner",
                of_source.and_then(|source| source.split('/').next()),
            ),
        ] {
            let Some(expected) = header(cx.headers(), name) else {
                continue;
            };
            if expected.len() != 12 || !expected.bytes().all(|byte| byte.is_ascii_digit()) {
                let message = format!(
                    "The value of the expected bucket owner parameter must be an AWS Account ID... [{expected}]"
                );
                return Err(ApiError::new("InvalidBucketOwnerAWSAccountID", message));
            }
            let place = bucket.and_then(|bucket| self.world.s3.place(bucket));
            if place.is_some_and(|place| place.account != expected) {
                return Err(denied("Access Denied"));
            }
        }
        Ok(())
    }

    /// Sends who asks in another region than the bucket's to that one.
    fn check_region(&self, region: &str, cx: &S3AccessContext<'_>) -> S3Result<()> {
        let bucket = cx.s3_path().get_bucket_name();
        let Some(place) = bucket.and_then(|bucket| self.world.s3.place(bucket)) else {
            return Ok(());
        };
        // Making it again is another matter; where it is, us-east-1 tells everybody.
        let op = cx.s3_op().name();
        if place.region == region || op == "CreateBucket" || (op == "GetBucketLocation" && region == "us-east-1") {
            return Ok(());
        }
        let mut error = S3Error::with_message(
            S3ErrorCode::PermanentRedirect,
            "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all \
             future requests to this endpoint.",
        );
        let mut headers = HeaderMap::new();
        if let Ok(region) = place.region.parse() {
            headers.insert("x-amz-bucket-region", region);
        }
        error.set_headers(headers);
        Err(error)
    }
}

/// The action and the resource that a request needs beyond a valid signature.
fn needed(cx: &S3AccessContext<'_>) -> Option<(&'static str, String)> {
    let version = parameter(cx, "versionId");
    let mut actions = served::action(cx.s3_op().name())?.split('/');
    let current = actions.next()?;
    // Whoever may read or delete what is current may not do so with every version.
    let action = actions.next().filter(|_| version.is_some()).unwrap_or(current);
    let resource = match cx.s3_path() {
        S3Path::Root => "*".to_owned(),
        S3Path::Bucket { bucket } => format!("arn:aws:s3:::{bucket}"),
        S3Path::Object { bucket, key } => format!("arn:aws:s3:::{bucket}/{key}"),
    };
    Some((action, resource))
}

fn parameter(cx: &S3AccessContext<'_>, name: &str) -> Option<String> {
    facts::parameter(cx.uri().query(), name)
}

/// Asks the caller's policies and the bucket's, and words a refusal as S3 does.
pub(crate) fn authorize(
    world: &World,
    caller: &Caller,
    action: &str,
    resource: &str,
    facts: &Facts,
) -> Result<(), ApiError> {
    // A missing bucket has no policy: the caller's own policies decide whether it hears that. One that is to be made has none
    // either, even if its name is taken.
    let bucket = Some(bucket_of(resource)).filter(|_| action != "s3:CreateBucket");
    let policy = bucket.and_then(|bucket| world.s3.policy(bucket).ok().flatten());
    let place = bucket.and_then(|bucket| world.s3.place(bucket));
    let owner = place.as_ref().map_or(caller.account(), |place| &place.account);
    // The fourth of the four switches: what is public is for the bucket's account alone.
    let is_stranger = owner != caller.account() && !matches!(caller.principal, Principal::Service(_));
    if is_stranger
        && policy.as_ref().is_some_and(|policy| is_public(policy))
        && bucket.is_some_and(|bucket| restricts(world, bucket))
    {
        return Err(denied("Access Denied"));
    }
    let further = || {
        let owners = ["aws:ResourceAccount", "s3:ResourceAccount"].map(|name| (name.to_owned(), owner.to_owned()));
        let one = world.facts().into_iter().chain(owners);
        let one = one.map(|(name, value)| (name, vec![value]));
        one.chain(facts.clone()).collect()
    };
    let question = Question::new(caller, action, resource, &NOTHING).knowing(&further);
    let guard = Guard::new(policy.as_deref(), owner, false);
    let refused = |why: String| {
        // Of a list of all buckets there is no resource to name.
        let on = match resource {
            "*" => String::new(),
            resource => format!(" on resource: \"{resource}\""),
        };
        let arn = &caller.arn;
        denied(&format!("User: {arn} is not authorized to perform: {action}{on} {why}"))
    };
    world
        .lets(&question, &guard)
        .map_err(|refusal| refused(refusal.why(action)))
}

fn restricts(world: &World, bucket: &str) -> bool {
    let switches = world.s3.setting(bucket, |settings| settings.public_access);
    switches.is_ok_and(|switches| switches.is_some_and(|[.., restricts]| restricts))
}

fn denied(message: &str) -> ApiError {
    ApiError::new("AccessDenied", message).status(403)
}

fn unknown_key() -> ApiError {
    let message = "The AWS Access Key Id you provided does not exist in our records.";
    ApiError::new("InvalidAccessKeyId", message).status(403)
}
