//! What stands where a bucket's name may: access points, directory buckets, and buckets that are asked on terms.

use std::sync::{Arc, Mutex};

use strongroom::actions;
use strongroom::domain::FaultKind;

use crate::fake;
use crate::place::Place;
use crate::proxy::{Proxy, Trouble};
use crate::pty::{ENTER, ESC, Session};

const POINT: &str = "arn:aws:s3:eu-west-1:111122223333:accesspoint/team";
const DIRECTORY: &str = "data--use1-az4--x-s3";

/// What a proxy was asked for, a request each: its address, and its headers in lower case.
type Asked = Arc<Mutex<Vec<(String, String)>>>;

/// A proxy behind which nothing is found.
fn finding_nothing() -> (String, Asked) {
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    let url = fake::serve(move |request| {
        let seen = (request.path.clone(), request.head.to_ascii_lowercase());
        noted.lock().unwrap().push(seen);
        (404, String::new())
    });
    (url, asked)
}

/// What has S3 asked at a host of its own, once, through this proxy.
fn by_way_of(proxy: &str) -> [(&str, Option<&str>); 3] {
    [
        ("AWS_ENDPOINT_URL_S3", Some("http://s3.test")),
        ("HTTP_PROXY", Some(proxy)),
        ("AWS_MAX_ATTEMPTS", Some("1")),
    ]
}

#[test]
fn an_access_point_is_asked_at_its_own_host_and_signed_for_the_region_of_its_arn() {
    let place = Place::new();
    let (proxy, asked) = finding_nothing();
    let changes = by_way_of(&proxy);
    for (bucket, address, scope) in [
        (
            POINT,
            "http://team-111122223333.s3.test/data/",
            "/eu-west-1/s3/aws4_request",
        ),
        // An alias is a name like a bucket's.
        (
            "team-0abc-s3alias",
            "http://s3.test/team-0abc-s3alias/data/",
            "/us-east-1/s3/aws4_request",
        ),
    ] {
        let from = format!("s3://{bucket}/data/x.csv");
        let done = place.run_as(&changes, &["verify", &from]);
        assert_ne!(done.status, 0, "{done:?}");
        assert!((done.out.clone() + &done.err).contains(&from), "{done:?}");
        let seen: Vec<_> = asked.lock().unwrap().drain(..).collect();
        assert!(!seen.is_empty());
        for (path, head) in seen {
            assert!(path.starts_with(address), "{path}");
            assert!(head.contains(scope), "{head}");
        }
    }
}

#[test]
fn data_goes_through_an_access_point_there_and_back() {
    let place = Place::new();
    place.key("data");
    place.bucket("team-data");
    place.write("x.csv", "x\n1\n");
    let large = place.write("large.csv", vec![b'x'; 20 << 20]);
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), |_| Trouble::None);
    let changes = [
        ("AWS_ENDPOINT_URL_S3", Some("http://s3.test")),
        ("HTTP_PROXY", Some(proxy.url())),
    ];
    let to = "s3://arn:aws:s3:us-east-1:111122223333:accesspoint/team-data/data/";
    let encrypt = [
        "encrypt",
        "x.csv",
        large.to_str().unwrap(),
        to,
        "--key",
        "alias/data",
        "--json",
    ];
    let done = place.run_as(&changes, &encrypt).ok();
    for line in done.lines() {
        let key = line["data_key_uri"].as_str().unwrap();
        assert!(key.starts_with(to.trim_end_matches("data/")), "{key}");
    }
    let verified = place.run_as(&changes, &["verify", to]).ok();
    assert_eq!(verified.out.matches("bound").count(), 2, "{verified:?}");
    let object = format!("{to}large.csv");
    place.run_as(&changes, &["decrypt", &object, "-o", "back.csv"]).ok();
    assert_eq!(std::fs::read(place.path("back.csv")).unwrap(), vec![b'x'; 20 << 20]);
    // In the bucket it is what it would be without.
    place.run(&["verify", "--require-bound", "s3://team-data/data/"]).ok();

    let mut environment = place.environment_at(place.endpoint());
    environment.extend([("AWS_ENDPOINT_URL_S3", "http://s3.test"), ("HTTP_PROXY", proxy.url())]);
    let mut session = Session::start_with(&[to], place.home.path(), (140, 30), &environment);
    session.wait("accesspoint/team-data/data/").wait("◆ x.csv").keys("q");
    session.exit();
}

#[test]
fn an_access_point_is_refused_by_its_name_where_no_host_can_have_one() {
    let place = Place::new();
    let done = place.run(&["verify", &format!("s3://{POINT}/data/x.csv")]);
    assert_ne!(done.status, 0);
    let said = done.out.clone() + &done.err;
    assert!(said.contains("an access point has a host name of its own"), "{done:?}");
    assert!(said.contains(POINT), "{done:?}");
}

#[test]
fn directory_buckets_are_refused_on_every_door_before_anything_is_made() {
    let place = Place::new();
    place.write("x.csv", "x\n1\n");
    let inside = format!("s3://{DIRECTORY}/data/x.csv");
    let words = [DIRECTORY, "directory bucket", "general purpose bucket"];
    // There is no such key: nobody has asked for it.
    let to = format!("s3://{DIRECTORY}/data/");
    place
        .run(&["encrypt", "x.csv", &to, "--key", "alias/none"])
        .failed(2, &words);
    place.run(&["decrypt", &inside]).failed(2, &words);
    place.run(&["verify", &inside]).failed(2, &words);
    place.run(&["doctor", "--bucket", DIRECTORY]).failed(2, &words);
    place.run(&[&inside]).failed(2, &words);
    let own = place.write("own.toml", format!("[show]\nbuckets = ['{DIRECTORY}']\n"));
    place
        .run(&["--config", own.to_str().unwrap(), "doctor"])
        .failed(2, &words);
    let refused = place.wait(actions::create_bucket(&place.aws, DIRECTORY)).unwrap_err();
    assert_eq!(refused.kind, FaultKind::Usage, "{refused}");

    for (other, word) in [
        ("abc0def.mrap", "multi-Region"),
        ("team--table-s3", "table bucket"),
        ("team--ol-s3", "Object Lambda"),
        ("arn:aws:s3:eu west:111122223333:accesspoint/team", "access points"),
    ] {
        let to = format!("s3://{other}/data/");
        let refused = place.run(&["encrypt", "x.csv", &to, "--key", "alias/none"]);
        refused.failed(2, &[other, word]);
    }

    let mut session = place.dashboard((140, 30));
    session.wait("buckets").keys("O").keys(&to).keys(ENTER);
    session.wait("directory bucket").keys(ESC);
    session.keys("O").keys("s3://abc0def.mrap/data/").keys(ENTER);
    session.wait("multi-Region").keys(ESC);
    // An access point is taken, and what cannot be is said.
    session.keys("O").keys(&format!("s3://{POINT}/data/")).keys(ENTER);
    session.wait("an access point has a host").keys("q");
    session.exit();
}

#[test]
fn reading_and_listing_are_on_the_terms_of_the_bucket_too() {
    let place = Place::new();
    place.key("data");
    place.bucket("team-data");
    place.write("x.csv", "x\n1\n");
    let (to, object) = ("s3://team-data/data/", "s3://team-data/data/x.csv");
    place.run(&["encrypt", "x.csv", to, "--key", "alias/data"]).ok();
    let ours = ["--expected-owner", "111122223333"];
    let theirs = ["--expected-bucket-owner", "999999999999"];
    for command in [
        vec!["verify", object],
        vec!["verify", to],
        vec!["decrypt", object, "-o", "back.csv", "--overwrite"],
        vec!["decrypt", to, "-o", "back", "--overwrite"],
    ] {
        place.run(&[&command[..], &ours].concat()).ok();
        let refused = place.run(&[&command[..], &theirs].concat());
        assert_ne!(refused.status, 0, "{command:?}: {refused:?}");
        let said = refused.out.clone() + &refused.err;
        assert!(said.contains("Access Denied"), "{command:?}: {refused:?}");
        let hint = "perhaps the bucket is not of the account 999999999999";
        assert!(said.contains(hint), "{command:?}: {refused:?}");
    }
    // The configuration says it for commands and panes alike.
    let rule = "[uploads.'team-*']\nexpected-owner = '999999999999'\n";
    let own = place.write("own.toml", rule);
    let own = ["--config", own.to_str().unwrap()];
    assert_ne!(place.run(&[&own[..], &["verify", object]].concat()).status, 0);
    let environment = place.environment_at(place.endpoint());
    let mut session = Session::start_with(&[&own[..], &[to]].concat(), place.home.path(), (120, 30), &environment);
    session.wait("Denied (AccessDenied)").keys("q");
    session.exit();
}

#[test]
fn whoever_pays_for_reads_says_so_on_each() {
    let place = Place::new();
    let (proxy, asked) = finding_nothing();
    let changes = by_way_of(&proxy);
    for arguments in [
        vec!["verify", "s3://their-data/x.csv", "s3://their-data/below/"],
        vec!["decrypt", "s3://their-data/x.csv", "-o", "x.csv"],
    ] {
        for pays in [true, false] {
            let option: &[&str] = if pays { &["--requester-pays"] } else { &[] };
            place.run_as(&changes, &[&arguments[..], option].concat());
            let seen: Vec<_> = asked.lock().unwrap().drain(..).collect();
            assert!(!seen.is_empty());
            for (path, head) in seen {
                assert_eq!(head.contains("x-amz-request-payer: requester"), pays, "{path}: {head}");
                // It is signed.
                assert_eq!(head.contains(";x-amz-request-payer"), pays, "{path}: {head}");
            }
        }
    }
}

#[test]
fn the_dashboard_pays_for_what_it_reads_where_the_configuration_says_so() {
    let place = Place::new();
    let (proxy, asked) = finding_nothing();
    let own = place.write(
        "own.toml",
        "[uploads.'their-*']\nrequester-pays = true\nexpected-owner = '999988887777'\n",
    );
    let mut environment = place.environment_at(place.endpoint());
    environment.extend([
        ("AWS_ENDPOINT_URL_S3", "http://s3.test"),
        ("HTTP_PROXY", &proxy),
        ("AWS_MAX_ATTEMPTS", "1"),
    ]);
    let arguments = ["--config", own.to_str().unwrap(), "s3://their-data/below/"];
    let mut session = Session::start_with(&arguments, place.home.path(), (140, 30), &environment);
    let of_theirs = || -> Vec<_> {
        let asked = asked.lock().unwrap();
        asked
            .iter()
            .filter(|(path, _)| path.contains("their-data"))
            .cloned()
            .collect()
    };
    session.wait_until("a list of theirs", |_| {
        of_theirs().iter().any(|(path, _)| path.contains("list-type"))
    });
    session.keys("O").keys("s3://their-data/below/x.csv").keys(ENTER);
    session.wait_until("an object of theirs", |_| {
        of_theirs().iter().any(|(path, _)| path.contains("x.csv"))
    });
    session.keys(ESC).keys("q");
    session.exit();
    for (path, head) in of_theirs() {
        assert!(head.contains("x-amz-request-payer: requester"), "{path}: {head}");
        assert!(
            head.contains("x-amz-expected-bucket-owner: 999988887777"),
            "{path}: {head}"
        );
    }
}

#[test]
fn what_s3_would_not_know_is_refused_with_the_values_that_it_knows() {
    let place = Place::new();
    place.write("x.csv", "x\n1\n");
    let encrypt =
        |to, options: &[&str]| place.run(&[&["encrypt", "x.csv", to, "--key", "alias/none"], options].concat());
    let to = "s3://team-data/data/";
    for (option, value, known) in [
        ("--acl", "bucket-owner", "bucket-owner-full-control"),
        ("--storage-class", "standard", "STANDARD_IA"),
        ("--sse", "kms", "aws:kms:dsse"),
        ("--expected-owner", "12345", "twelve digits"),
    ] {
        let refused = encrypt(to, &[option, value]);
        assert_eq!(refused.status, 2, "{refused:?}");
        for word in [option, value, known] {
            assert!(refused.err.contains(word), "{word}: {refused:?}");
        }
    }
    for (options, word) in [
        (&["--tag", "aws:owner=a"][..], "keeps for itself"),
        (&["--sse", "AES256", "--sse-key", "alias/none"], "aws:kms"),
        (&["--sse", "aws:kms:dsse", "--bucket-key"], "aws:kms only"),
    ] {
        encrypt(to, options).failed(2, &[word, "encrypt --help"]);
    }
    encrypt(to, &["--tag", "owner=a", "--tag", "owner=b"]).failed(2, &["--tag", "`owner` is given twice"]);
    for options in [
        &["--sse", "AES256"][..],
        &["--tag", "owner=a"],
        &["--storage-class", "STANDARD_IA"],
        &["--acl", "private"],
        &["--expected-owner", "111122223333"],
        &["--requester-pays"],
    ] {
        for local in ["x.token", "-"] {
            encrypt(local, options).failed(2, &[options[0], "the destination is not in S3"]);
        }
    }
    assert!(!place.path("x.token").exists());
}

#[test]
fn the_values_of_options_are_values_of_s3() {
    use aws_sdk_s3::types::{ObjectCannedAcl, ServerSideEncryption, StorageClass};
    use strongroom::cli;
    for (ours, theirs) in [
        (&cli::ENCRYPTIONS[..], ServerSideEncryption::values()),
        (&cli::STORAGE_CLASSES, StorageClass::values()),
        (&cli::ACLS, ObjectCannedAcl::values()),
    ] {
        for value in ours {
            assert!(theirs.contains(value), "{value}");
        }
    }
}
