//! Rules as companies write them: refused and explained without the setting that they want, done with it.

use serde_json::{Value, json};
use strongroom::actions::{self, Aws};
use strongroom::config::{Connection, SandboxEndpoint};
use strongroom::domain::{FaultKind, JobSettings, JobSpec};

use crate::place::{Place, access, never};

pub(crate) const BUCKET: &str = "team-data";

fn s3(place: &Place) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(&place.sdk());
    aws_sdk_s3::Client::from_conf(config.force_path_style(true).build())
}

pub(crate) fn put_policy(place: &Place, statements: &Value) {
    let s3 = s3(place);
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    place
        .wait(s3.put_bucket_policy().bucket(BUCKET).policy(policy).send())
        .unwrap();
}

pub(crate) fn deny(condition: &Value) -> Value {
    json!([{
        "Sid": "Guardrail",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": format!("arn:aws:s3:::{BUCKET}/*"),
        "Condition": condition,
    }])
}

#[test]
fn an_upload_that_a_buckets_policy_refuses_is_told_what_it_wants_and_done_with_it() {
    let place = Place::new();
    let key = place.key("data");
    place.bucket(BUCKET);
    place.write("train.csv", "x,y\n1,2\n");
    let sse = "s3:x-amz-server-side-encryption";
    let sse_key = "s3:x-amz-server-side-encryption-aws-kms-key-id";
    let cases: [(Value, &str, Vec<&str>); 5] = [
        (
            json!({"StringNotEquals": {sse: "aws:kms"}}),
            "x-amz-server-side-encryption: aws:kms",
            vec!["--sse", "aws:kms"],
        ),
        (
            json!({"StringNotEquals": {sse_key: key}}),
            "x-amz-server-side-encryption-aws-kms-key-id",
            vec!["--sse", "aws:kms", "--sse-key", &key, "--bucket-key"],
        ),
        (
            json!({"StringNotEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}),
            "x-amz-acl: bucket-owner-full-control",
            vec!["--acl", "bucket-owner-full-control"],
        ),
        (
            json!({"Null": {"s3:RequestObjectTag/team": "true"}}),
            "the tag team",
            vec!["--tag", "team=research"],
        ),
        (
            json!({"StringNotEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}),
            "x-amz-storage-class: STANDARD_IA",
            vec!["--storage-class", "STANDARD_IA"],
        ),
    ];
    for (number, (condition, wanted, options)) in cases.into_iter().enumerate() {
        put_policy(&place, &deny(&condition));
        let to = format!("s3://{BUCKET}/{number}/");
        let encrypt = ["encrypt", "train.csv", &to, "--key", "alias/data"];
        let refused = place.run(&encrypt);
        assert_ne!(refused.status, 0, "{refused:?}");
        assert!(refused.err.contains(wanted), "{wanted}: {refused:?}");
        let done = place.run(&[&encrypt[..], &options].concat());
        assert_eq!(done.status, 0, "{wanted}: {done:?}");
    }
}

#[test]
fn the_configuration_says_what_uploads_carry_by_the_buckets_name() {
    let place = Place::new();
    place.key("data");
    place.bucket(BUCKET);
    place.write("train.csv", "x,y\n1,2\n");
    let big = place.write("large.csv", vec![b'x'; 20 << 20]);
    put_policy(
        &place,
        &deny(&json!({"StringNotEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}})),
    );
    let own = "[uploads.'other']\nstorage-class = 'STANDARD'\n[uploads.'team-*']\nstorage-class = 'STANDARD_IA'\n\
               tags = { team = 'research' }\nexpected-owner = '111122223333'\ndata-keys-below = 'keys/'\n";
    let own = place.write("own.toml", own);
    let own = ["--config", own.to_str().unwrap()];
    let to = format!("s3://{BUCKET}/data/");
    let files = [
        "encrypt",
        "train.csv",
        big.to_str().unwrap(),
        &to,
        "--key",
        "alias/data",
    ];
    let done = place.run(&[&own[..], &files].concat());
    assert_eq!(done.status, 0, "{done:?}");
    assert!(!done.err.contains("for nothing may be written"), "{done:?}");
    let s3 = s3(&place);
    for name in ["data/train.csv", "data/large.csv"] {
        let tags = s3.get_object_tagging().bucket(BUCKET).key(name);
        let tags = place.wait(tags.send()).unwrap();
        assert_eq!(tags.tag_set()[0].value(), "research", "{name}");
    }
    let listed = place.wait(
        s3.list_objects_v2()
            .bucket(BUCKET)
            .prefix("keys/.strongroom/data-keys/")
            .send(),
    );
    assert_eq!(listed.unwrap().contents().len(), 1);
    // Somebody else's bucket of that name is not written to.
    let wrong = place.run(&[&own[..], &files, &["--overwrite", "--expected-owner", "999999999999"]].concat());
    assert!(
        wrong.status != 0 && wrong.err.contains("not of the account 999999999999"),
        "{wrong:?}"
    );
}

#[test]
fn what_a_buckets_policy_refuses_is_mended_in_that_policy_and_not_by_grants() {
    let place = Place::new();
    place.key("data");
    place.bucket(BUCKET);
    place.write("train.csv", "x,y\n1,2\n");
    let to = format!("s3://{BUCKET}/data/");
    place.run(&["encrypt", "train.csv", &to, "--key", "alias/data"]).ok();
    let object = format!("arn:aws:s3:::{BUCKET}/*");
    put_policy(
        &place,
        &json!([{"Effect": "Deny", "Principal": "*", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": object}]),
    );
    let read = place.run(&["decrypt", &format!("{to}train.csv"), "-o", "back.csv"]);
    let write = place.run(&["encrypt", "train.csv", &to, "--key", "alias/data", "--overwrite"]);
    for refused in [read, write] {
        assert_ne!(refused.status, 0, "{refused:?}");
        assert!(refused.err.contains("the bucket's policy denies it"), "{refused:?}");
        assert!(!refused.err.contains("grant"), "{refused:?}");
    }
}

#[test]
fn only_what_is_about_this_call_is_said_to_refuse_it_and_no_setting_is_named_that_is_none() {
    let place = Place::new();
    place.key("data");
    place.bucket(BUCKET);
    let role = place.role("trainer", BUCKET);
    place.write("train.csv", "x,y\n1,2\n");
    let to = format!("s3://{BUCKET}/data/");
    place.run(&["encrypt", "train.csv", &to, "--key", "alias/data"]).ok();
    let object = format!("s3://{BUCKET}/data/train.csv");
    let statement = |action: &str, below: &str, condition: &Value| {
        json!({
            "Effect": "Deny",
            "Principal": "*",
            "Action": action,
            "Resource": format!("arn:aws:s3:::{BUCKET}/{below}*"),
            "Condition": condition,
        })
    };
    let sse = json!({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}});
    let net = json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    put_policy(
        &place,
        &json!([
            statement("s3:PutObject", "other/", &sse),
            statement("s3:*Object", "", &net)
        ]),
    );
    let write = place.run(&["encrypt", "train.csv", &to, "--key", "alias/data", "--overwrite"]);
    let read = place.run(&["decrypt", &object, "-o", "back.csv"]);
    let verified = place.run(&["verify", &object]);
    for refused in [write, read, verified] {
        let said = format!("{}{}", refused.out, refused.err);
        assert_ne!(refused.status, 0, "{said}");
        assert!(
            said.contains("it may be that") && said.contains("aws:SourceIp is within 10.0.0.0/8"),
            "{said}"
        );
        assert!(!said.contains("aws:kms") && !said.contains("[uploads"), "{said}");
    }
    // What is written after the data key, and before a job.
    let acl = json!({"Null": {"s3:x-amz-acl": "true"}});
    put_policy(&place, &json!([statement("s3:PutObject", "data/train", &acl)]));
    let late = place.run(&["encrypt", "train.csv", &to, "--key", "alias/data", "--overwrite"]);
    assert!(
        late.status != 0 && late.err.contains("without x-amz-acl: say so"),
        "{late:?}"
    );
    put_policy(
        &place,
        &json!([statement("s3:PutObject", ".strongroom/manifests/", &acl)]),
    );
    let spec = job("late", &role, JobSettings::default());
    let refused = place.wait(actions::start_job(&place.aws, &spec, &never())).unwrap_err();
    assert!(refused.remedy.contains("without x-amz-acl: say so"), "{refused}");
    assert!(!refused.remedy.contains("encrypt"), "{refused}");
}

/// The same world, as a user who may do everything but this.
pub(crate) fn person(place: &Place, name: &str, denied: &Value) -> Aws {
    let iam = aws_sdk_iam::Client::new(&place.sdk());
    let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [allow, denied]}).to_string();
    let key = place.wait(async {
        iam.create_user().user_name(name).send().await.unwrap();
        let put = iam.put_user_policy().user_name(name).policy_name("rules");
        put.policy_document(policy).send().await.unwrap();
        let key = iam.create_access_key().user_name(name).send().await.unwrap();
        key.access_key.unwrap()
    });
    let connection = Connection {
        sandbox: Some(SandboxEndpoint {
            url: place.endpoint().to_owned(),
            region: "us-east-1".to_owned(),
            access_key_id: key.access_key_id,
            secret_access_key: key.secret_access_key,
        }),
        ..Connection::default()
    };
    place.wait(actions::connect(&connection)).unwrap()
}

#[test]
fn who_may_write_and_not_look_is_told_that_the_object_is_there() {
    let place = Place::new();
    place.key("data");
    place.bucket(BUCKET);
    place.write("train.csv", "x,y\n1,2\n");
    let to = format!("s3://{BUCKET}/data/train.csv");
    let encrypt = ["encrypt", "train.csv", &to, "--key", "alias/data"];
    place.run(&encrypt).ok();
    let hidden = json!({"Effect": "Deny", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"});
    let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [allow, hidden]}).to_string();
    let user = place.user("blind", &[&policy]);
    let keys = access(&user);
    for more in [&[][..], &["--overwrite"]] {
        place.run_as(&keys, &[&encrypt[..], more].concat()).failed(
            1,
            &["it exists already", "may not look at it", "s3:GetObject on it allowed"],
        );
    }
}

#[test]
fn an_acl_where_the_owner_has_them_switched_off_is_told_to_be_left_out() {
    let place = Place::new();
    place.key("data");
    place.bucket(BUCKET);
    place.write("train.csv", "x,y\n1,2\n");
    let to = format!("s3://{BUCKET}/data/");
    place
        .run(&[
            "encrypt",
            "train.csv",
            &to,
            "--key",
            "alias/data",
            "--acl",
            "public-read",
        ])
        .failed(1, &["does not allow ACLs", "leave the ACL out (--acl"]);
}

#[test]
fn who_may_write_only_below_a_prefix_keeps_the_data_key_there_and_trains_on_it() {
    let place = Place::new();
    let key = place.key("data");
    place.bucket(BUCKET);
    let role = place.role("trainer", BUCKET);
    place.grant(&key, &role);
    place.write("train.csv", "x,y\n1,2\n2,4\n3,6\n4,8\n");
    let statement = json!([{
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": format!("arn:aws:s3:::{BUCKET}/.strongroom/data-keys/*"),
    }]);
    put_policy(&place, &statement);
    let to = format!("s3://{BUCKET}/data/");
    let done = place.run(&["encrypt", "train.csv", &to, "--key", "alias/data"]).ok();
    assert!(done.err.contains("data/.strongroom/data-keys/"), "{done:?}");
    assert!(
        done.err.contains("nothing may be written at the bucket's root"),
        "{done:?}"
    );
    let opened = place.run(&["decrypt", &format!("s3://{BUCKET}/data/train.csv"), "-o", "back.csv"]);
    assert_eq!(opened.status, 0, "{opened:?}");
    place.run(&["verify", &to]).ok();
    // A channel on the prefix delivers the data key too; the container passes over it.
    let spec = job("nightly", &role, JobSettings::default());
    let spec = JobSpec {
        object: "data/".to_owned(),
        ..spec
    };
    place.wait(actions::start_job(&place.aws, &spec, &never())).unwrap();
    place.run(&["watch", "nightly"]).ok();
}

pub(crate) fn job(name: &str, role: &str, settings: JobSettings) -> JobSpec {
    JobSpec {
        image: "111122223333.dkr.ecr.us-east-1.amazonaws.com/example-image:latest".to_owned(),
        max_runtime: 600,
        bucket: BUCKET.to_owned(),
        output: format!("s3://{BUCKET}/output"),
        settings,
        ..crate::walk::job(name, role, "data/train.csv")
    }
}

#[test]
fn a_job_that_a_companys_rules_refuse_says_so_and_starts_with_what_they_want() {
    let place = Place::new();
    let key = place.key("data");
    place.bucket(BUCKET);
    let role = place.role("trainer", BUCKET);
    place.write("train.csv", "x,y\n1,2\n2,4\n3,6\n4,8\n");
    let to = format!("s3://{BUCKET}/data/");
    place.run(&["encrypt", "train.csv", &to, "--key", "alias/data"]).ok();
    let in_vpc = JobSettings {
        subnets: vec!["subnet-0a1".to_owned()],
        security_groups: vec!["sg-0c3".to_owned()],
        ..JobSettings::default()
    };
    let cases = [
        ("vpc", json!({"Null": {"sagemaker:VpcSubnets": "true"}}), in_vpc),
        (
            "volume",
            json!({"Null": {"sagemaker:VolumeKmsKey": "true"}}),
            JobSettings {
                volume_key: Some(key.clone()),
                ..JobSettings::default()
            },
        ),
        (
            "output",
            json!({"ArnNotEquals": {"sagemaker:OutputKmsKey": key}}),
            JobSettings {
                output_key: Some(key.clone()),
                ..JobSettings::default()
            },
        ),
        (
            "traffic",
            json!({"Bool": {"sagemaker:InterContainerTrafficEncryption": "false"}}),
            JobSettings {
                encrypts_traffic: true,
                ..JobSettings::default()
            },
        ),
        (
            "tags",
            json!({"Null": {"aws:RequestTag/team": "true"}}),
            JobSettings {
                tags: [("team".to_owned(), "research".to_owned())].into(),
                ..JobSettings::default()
            },
        ),
    ];
    for (name, condition, settings) in cases {
        let denied = json!({
            "Effect": "Deny",
            "Action": "sagemaker:CreateTrainingJob",
            "Resource": "*",
            "Condition": condition,
        });
        let aws = person(&place, name, &denied);
        let without = job(&format!("{name}-without"), &role, JobSettings::default());
        let refused = place.wait(actions::start_job(&aws, &without, &never())).unwrap_err();
        assert_eq!(refused.kind, FaultKind::Denied, "{name}: {refused}");
        assert!(refused.to_string().contains("explicit deny"), "{name}: {refused}");
        let with = job(&format!("{name}-with"), &role, settings);
        place.wait(actions::start_job(&aws, &with, &never())).unwrap();
    }
}
