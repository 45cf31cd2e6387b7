//! Where one is: the region that environment or profile say, the hosts of its partition, and keys that are in several.

use std::collections::BTreeMap;

use aws_sdk_kms::types::KeySpec;
use serde_json::json;
use strongroom::actions::{self, ProgressSink};
use strongroom::domain::Outcome;

use crate::company::user;
use crate::fake::refusing_proxy;
use crate::place::{Place, connection};
use crate::pty::{ESC, Session};

const SIZE: (u16, u16) = (140, 36);

/// A world of one region, and the person's profile for it.
fn only(region: &str) -> Place {
    let place = Place::with(|options| options.regions = vec![region.to_owned()]);
    let of = |name: &str| {
        let mut all = place.environment.iter();
        all.find(|(known, _)| known == name).unwrap().1.clone()
    };
    let profile = format!(
        "[profile research]\nregion = {region}\nendpoint_url = {}\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        place.endpoint(),
        of("AWS_ACCESS_KEY_ID"),
        of("AWS_SECRET_ACCESS_KEY"),
    );
    place.write(".aws/config", profile);
    place
}

#[test]
fn the_region_of_a_profile_is_shown_and_named_wherever_a_name_is_made() {
    for (region, host) in [
        ("eu-west-1", "dkr.ecr.eu-west-1.amazonaws.com/"),
        ("cn-north-1", "dkr.ecr.cn-north-1.amazonaws.com.cn/"),
        ("us-gov-west-1", "dkr.ecr.us-gov-west-1.amazonaws.com/"),
    ] {
        let place = only(region);
        place.key("data");
        place.bucket("team-data");
        place.write("x.csv", "x,y\n1,2\n");
        place
            .run(&["encrypt", "x.csv", "s3://team-data/data/", "--key", "alias/data"])
            .ok();
        let home = place.home.path();
        let environment = [
            ("AWS_CONFIG_FILE", &*home.join(".aws/config").display().to_string()),
            ("AWS_PROFILE", "research"),
            ("AWS_REGION", ""),
            ("AWS_DEFAULT_REGION", ""),
            ("AWS_ENDPOINT_URL_KMS", ""),
        ];
        let mut session = Session::start_with(&["s3://team-data/data/x.csv"], home, SIZE, &environment);
        session.wait("◆ x.csv").wait(region);
        let header = session.text().lines().next().unwrap().to_owned();
        assert!(header.contains(region) && !header.contains("no region"), "{header}");
        session.keys("3").keys("t").wait(host).keys(ESC).keys("q");
        session.exit();
    }
}

#[test]
fn the_hosts_are_those_of_the_partition_and_of_what_is_asked_of_them() {
    let place = Place::new();
    let home = place.home.path();
    let config = place.write("fips", "[default]\nregion = us-east-1\nuse_fips_endpoint = true\n");
    let config = config.to_str().unwrap();
    for (variables, hosts) in [
        (
            vec![("AWS_REGION", "cn-north-1")],
            ["kms.cn-north-1.amazonaws.com.cn", "s3.cn-north-1.amazonaws.com.cn"],
        ),
        (
            vec![("AWS_REGION", "us-gov-west-1")],
            ["kms.us-gov-west-1.amazonaws.com", "s3.us-gov-west-1.amazonaws.com"],
        ),
        (
            vec![("AWS_REGION", "us-east-1"), ("AWS_USE_FIPS_ENDPOINT", "true")],
            ["kms-fips.us-east-1.amazonaws.com", "s3-fips.us-east-1.amazonaws.com"],
        ),
        (
            vec![("AWS_CONFIG_FILE", config)],
            ["kms-fips.us-east-1.amazonaws.com", "s3-fips.us-east-1.amazonaws.com"],
        ),
        (
            vec![("AWS_REGION", "eu-west-1"), ("AWS_USE_DUALSTACK_ENDPOINT", "true")],
            ["kms.eu-west-1.api.aws", "s3.dualstack.eu-west-1.amazonaws.com"],
        ),
    ] {
        let (proxy, asked) = refusing_proxy();
        let mut environment = vec![
            ("HTTPS_PROXY", proxy.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_MAX_ATTEMPTS", "1"),
        ];
        environment.extend(&variables);
        let mut session = Session::start_with(&[], home, SIZE, &environment);
        for host in hosts {
            let line = format!("CONNECT {host}:443");
            session.wait_until(&line, |_| asked.lock().unwrap().contains(&line));
        }
        session.keys(ESC).keys("q");
        session.exit();
        // Nobody else was asked for the same.
        for line in asked
            .lock()
            .unwrap()
            .iter()
            .filter(|line| line.starts_with("CONNECT kms"))
        {
            assert_eq!(*line, format!("CONNECT {}:443", hosts[0]));
        }
    }
}

#[test]
fn of_requests_under_way_together_each_one_goes_where_the_bucket_is() {
    let place = Place::with(|options| options.regions = ["us-east-1", "eu-west-1"].map(str::to_owned).into());
    place.bucket("team-data");
    place.put("team-data", "x.csv", b"x,y\n1,2\n");
    let mut connection = connection(place.sandbox.as_ref().unwrap());
    connection.sandbox.as_mut().unwrap().region = "eu-west-1".to_owned();
    for _ in 0..5 {
        let aws = place.wait(actions::connect(&connection)).unwrap();
        let none = ProgressSink::none();
        let asked = (0..8).map(|_| actions::list_versions(&aws, "team-data", "x.csv", &none));
        for told in place.wait(futures::future::join_all(asked)) {
            assert!(matches!(told, Ok(Outcome::Versions { .. })), "{told:?}");
        }
    }
}

#[test]
fn a_replica_opens_what_its_primary_wrapped() {
    let regions = ["us-east-1", "eu-west-1"].map(str::to_owned);
    let place = Place::with(|options| options.regions = regions.into());
    place.bucket("team-data");
    place.write("x.csv", "x,y\n1,2\n");
    let kms = aws_sdk_kms::Client::new(&place.sdk());
    let primary = place.wait(async {
        let key = kms.create_key().multi_region(true).key_spec(KeySpec::SymmetricDefault);
        let arn = key.send().await.unwrap().key_metadata.unwrap().arn.unwrap();
        let replica = kms.replicate_key().key_id(&arn).replica_region("eu-west-1");
        replica.send().await.unwrap();
        arn
    });
    let replica = primary.replace("us-east-1", "eu-west-1");
    let to = "s3://team-data/data/";
    place.run(&["encrypt", "x.csv", to, "--key", &primary]).ok();

    // Somebody who may use the replica and has never been allowed the primary.
    let may = json!([
        {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": replica},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"], "Resource": "*"},
    ]);
    let (id, secret) = user(&place, "ann", &may);
    let at = |region| {
        BTreeMap::from([
            ("AWS_ACCESS_KEY_ID", id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", secret.as_str()),
            ("AWS_REGION", region),
        ])
    };
    let changes = |region| -> Vec<(&str, Option<&str>)> {
        let all = at(region).into_iter();
        all.map(|(name, value)| (name, Some(value))).collect()
    };
    let object = "s3://team-data/data/x.csv";
    place
        .run_as(&changes("eu-west-1"), &["decrypt", object, "-o", "back.csv"])
        .ok();
    assert_eq!(std::fs::read(place.path("back.csv")).unwrap(), b"x,y\n1,2\n");
    let done = place.run_as(&changes("eu-west-1"), &["verify", object, "--json"]).ok();
    assert!(done.out.contains(&replica), "{done:?}");
    // Where there is no replica, the refusal is the primary's.
    let done = place.run_as(&changes("us-east-1"), &["verify", object]);
    assert_ne!(done.status, 0);
    assert!(done.err.contains(&primary) || done.out.contains(&primary), "{done:?}");
    assert!(!(done.err.clone() + &done.out).contains(&replica), "{done:?}");

    let mut environment: Vec<(&str, &str)> = at("eu-west-1").into_iter().collect();
    environment.push(("AWS_ENDPOINT_URL", place.endpoint()));
    let mut session = Session::start_with(&[object], place.home.path(), SIZE, &environment);
    session
        .wait("says strongroom")
        .keys("v")
        .wait("is intact, bound")
        .keys(ESC)
        .keys("q");
    session.exit();
}
