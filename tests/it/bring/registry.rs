//! What an image runs by itself is read from its registry.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};
use strongroom::actions;
use strongroom::domain::{JobSpec, Outcome, bring};

use super::{clone, described, key, program, sha256};
use crate::place::Place;
use crate::walk::{BUCKET, with_data};

/// A registry with the image `her-own:1` of this configuration, under the digest that its manifest names; where it is.
pub(crate) fn registry(configuration: &'static str, digest_of: &str) -> String {
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(digest_of)));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": { "mediaType": "application/vnd.docker.container.image.v1+json", "size": 9, "digest": digest },
        "layers": [],
    });
    let url = crate::fake::serve(move |asked| match asked.path.as_str() {
        "/v2/her-own/tags/list" => (200, json!({ "tags": ["1"] }).to_string()),
        "/v2/her-own/manifests/1" => (200, manifest.to_string()),
        path if path == format!("/v2/her-own/blobs/{digest}") => (200, configuration.to_owned()),
        _ => (404, String::new()),
    });
    url.strip_prefix("http://").unwrap().to_owned()
}

/// A world behind which such a registry is; the image's name, and a role.
fn with_image(configuration: &'static str, digest_of: &str) -> (Place, String, String) {
    let at = registry(configuration, digest_of);
    let place = Place::with(|options| {
        options.stop_grace = Duration::from_secs(2);
        options.registry = Some(at.parse().unwrap());
    });
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    place.grant(&key_arn, &role_arn);
    place.write("static", program());
    let ecr = aws_sdk_ecr::Client::new(&place.sdk());
    place
        .wait(ecr.create_repository().repository_name("her-own").send())
        .unwrap();
    (place, format!("{at}/her-own:1"), role_arn)
}

pub(crate) const CONFIGURATION: &str =
    r#"{"config": {"Entrypoint": ["sh", "-c", "echo \"$0 is given $1\"", "her own"]}}"#;

fn start_without_command(place: &Place, image: &str) -> crate::place::Done {
    let channel = "train=s3://sagemaker-walk/data/";
    let begin = [
        "start",
        image,
        "--role",
        "trainer",
        "--name",
        "first",
        "--channel",
        channel,
    ];
    place.run(&[&begin[..], &["--program", "static", "--wait"]].concat())
}

#[test]
fn what_an_image_runs_by_itself_is_read_from_its_registry() {
    let (place, image, role_arn) = with_image(CONFIGURATION, CONFIGURATION);
    let mut spec = JobSpec {
        image: image.clone(),
        original: None,
        ..clone("first", &role_arn, &[])
    };
    spec.settings.program = Some(place.path("static"));
    let looked = place.wait(actions::preflight(&place.aws, &spec)).unwrap();
    let Outcome::Preflighted { findings, .. } = looked else {
        panic!()
    };
    let known = findings
        .iter()
        .find(|finding| finding.what == "what the image runs is known");
    assert!(known.unwrap().detail.contains("her own train"), "{known:?}");

    let done = start_without_command(&place, &image).ok();
    assert!(done.out.contains("her own is given train"), "{done:?}");
    let algorithm = described(&place, "first").algorithm_specification().unwrap().clone();
    assert_eq!(
        algorithm.container_arguments().last().map(String::as_str),
        Some("train")
    );
    assert_eq!(algorithm.container_entrypoint(), bring::entrypoint(&sha256()));
}

#[test]
fn a_registry_that_does_not_say_what_an_image_runs_is_told_of_before_anything_is_written() {
    let ours = r#"{"config": {"Entrypoint": ["/usr/local/bin/strongroom", "train", "--", "python3", "train.py"]}}"#;
    for (configuration, digest_of, tag, words) in [
        (
            CONFIGURATION,
            "another",
            "1",
            ["another than its manifest names", "behind --"],
        ),
        (ours, ours, "1", ["starts strongroom by itself", "without a program"]),
        ("no JSON", "no JSON", "1", ["that strongroom can read", "behind --"]),
        (CONFIGURATION, CONFIGURATION, "2", ["her-own:2", "behind --"]),
    ] {
        let (place, image, _) = with_image(configuration, digest_of);
        start_without_command(&place, &format!("{}{tag}", image.strip_suffix('1').unwrap())).failed(1, &words);
        assert!(!place.objects(BUCKET).contains(&key()));
    }
}
