use hyper::Request;
use jiff::SignedDuration;

use super::*;
use crate::Options;
use crate::identity::{ACCOUNT, REGION};

/// A request to sign, and everything about it that can be wrong.
struct Draft {
    key: String,
    secret: String,
    token: Option<String>,
    region: &'static str,
    service: &'static str,
    signed: Vec<&'static str>,
    age: i64,
    body: &'static str,
    extra: Vec<(&'static str, &'static str)>,
}

impl Draft {
    fn new(world: &World) -> Self {
        let (key, secret) = world.iam(ACCOUNT).own_access_key();
        Self {
            key,
            secret,
            token: None,
            region: REGION,
            service: "kms",
            signed: vec!["host", "x-amz-date", "x-amz-target"],
            age: 0,
            body: "{}",
            extra: Vec::new(),
        }
    }

    fn stamp(&self) -> String {
        let at = Timestamp::now() - SignedDuration::from_secs(self.age);
        at.strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    fn credential(&self, stamp: &str) -> String {
        let Self {
            key, region, service, ..
        } = self;
        format!("{key}/{}/{region}/{service}/aws4_request", &stamp[..8])
    }

    fn signature(&self, parts: &Parts, body: &str, parsed: &Authorization) -> String {
        let text = to_sign(parts, &hex::encode(Sha256::digest(body)), parsed);
        hex::encode(sign(&self.secret, parsed, &text))
    }

    fn by_header(&self) -> Parts {
        let stamp = self.stamp();
        let mut request = Request::builder()
            .method("POST")
            .uri("/")
            .header("host", "127.0.0.1:1")
            .header("x-amz-date", &stamp)
            .header("x-amz-target", "TrentService.ListKeys");
        for (name, value) in &self.extra {
            request = request.header(*name, *value);
        }
        let mut signed: Vec<&str> = self.signed.clone();
        if let Some(token) = &self.token {
            request = request.header("x-amz-security-token", token);
            signed.push("x-amz-security-token");
        }
        let request = request.body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        let authorization = |signature: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential={}, SignedHeaders={}, Signature={signature}",
                self.credential(&stamp),
                signed.join(";")
            )
        };
        let set = |parts: &mut Parts, value: String| parts.headers.insert("authorization", value.parse().unwrap());
        set(&mut parts, authorization("0"));
        let parsed = Authorization::parse(&parts.headers, None).unwrap().unwrap();
        let signature = self.signature(&parts, self.body, &parsed);
        set(&mut parts, authorization(&signature));
        parts
    }

    fn by_query(&self, expires: &str) -> Parts {
        let stamp = self.stamp();
        let credential = self.credential(&stamp).replace('/', "%2F");
        let query = format!(
            "Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={stamp}&X-Amz-Expires={expires}&X-Amz-SignedHeaders=host"
        );
        let request = |query: &str| {
            let request = Request::builder()
                .uri(format!("/?{query}"))
                .header("host", "127.0.0.1:1");
            request.body(()).unwrap().into_parts().0
        };
        let unsigned = request(&format!("{query}&X-Amz-Signature=0"));
        let Some(Ok(parsed)) = Authorization::parse(&unsigned.headers, unsigned.uri.query()) else {
            return unsigned;
        };
        let signature = self.signature(&unsigned, "", &parsed);
        request(&format!("{query}&X-Amz-Signature={signature}"))
    }
}

fn world() -> World {
    World::scratch(Options::default())
}

fn ask(world: &World, change: impl FnOnce(&mut Draft)) -> Result<String, Refusal> {
    let mut draft = Draft::new(world);
    change(&mut draft);
    caller(world, &draft.by_header(), b"{}", "kms").map(|caller| caller.arn)
}

#[test]
fn a_signed_request_is_its_signers() {
    let arn = ask(&world(), |_| {}).unwrap();
    assert_eq!(arn, "arn:aws:iam::111122223333:user/strongroom");
}

#[test]
fn each_thing_that_is_wrong_with_a_signature_is_found() {
    let world = world();
    let refusal = |change: fn(&mut Draft)| ask(&world, change).unwrap_err();
    assert_eq!(refusal(|draft| draft.secret.push('x')), Refusal::WrongSignature);
    assert_eq!(refusal(|draft| draft.body = "{ }"), Refusal::WrongSignature);
    let nobody = refusal(|draft| draft.key = "AKIANOBODY".to_owned());
    assert_eq!(nobody, Refusal::UnknownKey);
    let made_up = refusal(|draft| draft.token = Some("made-up".to_owned()));
    assert_eq!(made_up, Refusal::UnknownKey);
    assert!(matches!(refusal(|draft| draft.age = 16 * 60), Refusal::Skewed(_)));
    assert!(matches!(refusal(|draft| draft.age = -16 * 60), Refusal::Skewed(_)));
    let elsewhere = refusal(|draft| draft.region = "eu-west-1");
    assert!(matches!(elsewhere, Refusal::WrongScope(_)), "{elsewhere:?}");
    assert!(matches!(refusal(|draft| draft.service = "s3"), Refusal::WrongScope(_)));
    for unsigned in ["host", "x-amz-date", "x-amz-target"] {
        let refused = ask(&world, |draft| draft.signed.retain(|name| *name != unsigned));
        assert!(matches!(refused, Err(Refusal::Incomplete(_))), "{unsigned}");
    }
    let added = refusal(|draft| draft.extra.push(("x-amz-more", "1")));
    assert!(matches!(added, Refusal::Incomplete(_)), "{added:?}");
}

#[test]
fn a_request_of_no_signature_or_half_a_one_is_nobodys() {
    let world = world();
    let mut parts = Draft::new(&world).by_header();
    parts.headers.remove("authorization");
    assert_eq!(caller(&world, &parts, b"{}", "kms").unwrap_err(), Refusal::Missing);
    for half in [
        "Basic eDp5",
        "AWS4-HMAC-SHA256 Credential=a/b/c",
        "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/kms/aws4_request, SignedHeaders=host",
    ] {
        parts.headers.insert("authorization", half.parse().unwrap());
        let refused = caller(&world, &parts, b"{}", "kms").unwrap_err();
        assert!(matches!(refused, Refusal::Incomplete(_)), "{half}: {refused:?}");
    }
}

#[test]
fn a_session_is_good_with_its_token_until_it_ends() {
    let world = world();
    let trust = serde_json::json!({ "Statement": [] });
    let mut iam = world.iam(ACCOUNT);
    iam.create_role("r", "/", trust.into(), "").unwrap();
    let session = iam.open_session("r", crate::iam::Opening::named("s"), 3600);
    drop(iam);
    let ask = |token: Option<&str>| {
        ask(&world, |draft| {
            draft.key.clone_from(&session.access_key_id);
            draft.secret.clone_from(&session.secret_access_key);
            draft.token = token.map(str::to_owned);
        })
    };
    let arn = ask(Some(&session.session_token)).unwrap();
    assert_eq!(arn, "arn:aws:sts::111122223333:assumed-role/r/s");
    assert_eq!(ask(None).unwrap_err(), Refusal::UnknownKey);
    assert_eq!(ask(Some("another")).unwrap_err(), Refusal::UnknownKey);
    world.clock.advance(SignedDuration::from_mins(61));
    assert_eq!(ask(Some(&session.session_token)).unwrap_err(), Refusal::Expired);
}

#[test]
fn a_presigned_request_is_good_for_as_long_as_it_says() {
    let world = world();
    let ask = |age: i64, expires: &str| {
        let mut draft = Draft::new(&world);
        (draft.service, draft.age) = ("sts", age);
        caller(&world, &draft.by_query(expires), b"", "sts").map(|caller| caller.user_id)
    };
    assert!(ask(0, "60").unwrap().starts_with("AIDA"));
    assert!(ask(30, "60").is_ok());
    assert!(matches!(ask(90, "60"), Err(Refusal::Skewed(_))));
    assert!(matches!(ask(0, "604801"), Err(Refusal::Incomplete(_))));
    assert!(matches!(ask(0, "soon"), Err(Refusal::Incomplete(_))));
}
