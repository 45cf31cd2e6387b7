//! What a new world holds: enough to look at, and a story to continue.
//!
//! Everything is made by the services' own functions, so that nothing here could not have been made by a person.
//! `alias/model-artifacts` is granted to `example-role`, which has trained on it once; `alias/training-data` is
//! granted to `feature-pipeline-role` only, so the first job of `example-role` on it fails until it is granted too.

use std::fmt::Write;
use std::fs;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::api::ApiError;
use super::iam::EntityKind;
use super::identity::Place;
use super::kms::{Kms, NewGrant, NewKey, State};
use super::s3::About;
use super::sagemaker;
use super::world::World;

const USER: &str = "strongroom";
const TRAINING_ROLE: &str = "example-role";
const PIPELINE_ROLE: &str = "feature-pipeline-role";

/// Fills an empty world. The training job that it starts ends a moment later.
pub(super) fn sow(world: &Arc<World>) -> Result<(), ApiError> {
    roles(world)?;
    let (key, plaintext, ciphertext) = keys(&mut world.kms(), &world.home, world.now())?;
    let bucket = format!("sagemaker-{}-{}", world.home.region, world.home.account);
    objects(world, &bucket, &plaintext, &ciphertext)?;
    sagemaker::create_unasked(world, &job(&world.home, &bucket, &key, world.now()))
}

fn roles(world: &World) -> Result<(), ApiError> {
    let account = &world.home.account;
    let mut iam = world.iam(account);
    for (role, description) in [
        (TRAINING_ROLE, "Trains models on encrypted data"),
        (PIPELINE_ROLE, "Prepares features for training"),
    ] {
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [
                { "Effect": "Allow", "Principal": { "Service": "sagemaker.amazonaws.com" }, "Action": "sts:AssumeRole" },
                { "Effect": "Allow", "Principal": { "AWS": user_arn(account) }, "Action": "sts:AssumeRole" }
            ]
        });
        iam.create_role(role, "/", trust.into(), description)?;
        iam.attach(
            EntityKind::Role,
            role,
            "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess",
        )?;
    }
    Ok(())
}

/// Makes the keys; the ARN of `alias/model-artifacts` and a data key of it, plaintext and ciphertext.
fn keys(kms: &mut Kms, place: &Place, now: Timestamp) -> Result<(String, Vec<u8>, Vec<u8>), ApiError> {
    let make = |kms: &mut Kms, alias: Option<&str>, description: &str| {
        let new = NewKey {
            description,
            policy: Some(key_policy(&place.account).into()),
            ..NewKey::default()
        };
        let arn = kms.create_key(place, new);
        if let Some(alias) = alias {
            kms.put_alias(alias, &arn);
        }
        arn
    };
    let training = make(kms, Some("alias/training-data"), "Training data sets");
    let models = "Models and what they were trained on";
    let artifacts = make(kms, Some("alias/model-artifacts"), models);
    let legacy = make(kms, Some("alias/pre-2025-datasets"), "Data sets of before 2025");
    let gone = make(kms, Some("alias/retired-2025"), "Nothing uses this any more");
    make(kms, None, "Scratch key of the feature team");

    grant(kms, &training, place, PIPELINE_ROLE, "feature-pipeline");
    grant(kms, &artifacts, place, TRAINING_ROLE, "training");
    kms.alter(&artifacts, |key| key.rotate_every(365, now));
    kms.alter(&legacy, |key| key.state = State::Disabled);
    kms.alter(&gone, |key| {
        key.state = State::PendingDeletion;
        key.deletion = now.checked_add(SignedDuration::from_hours(21 * 24)).ok();
    });
    let (plaintext, ciphertext) = kms.data_key(&artifacts)?;
    Ok((artifacts, plaintext, ciphertext))
}

fn grant(kms: &mut Kms, key: &str, place: &Place, role: &str, name: &str) {
    let grant = NewGrant {
        grantee: &format!("arn:aws:iam::{}:role/{role}", place.account),
        operations: vec!["Decrypt".to_owned(), "Encrypt".to_owned()],
        name: Some(name),
        ..NewGrant::default()
    };
    kms.grant(key, grant);
}

/// The console's policy: the account, administrators, users, and grants for AWS's services.
fn key_policy(account: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Id": "key-consolepolicy-3",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions", "Effect": "Allow",
                "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
                "Action": "kms:*", "Resource": "*"
            },
            {
                "Sid": "Allow access for Key Administrators", "Effect": "Allow",
                "Principal": { "AWS": user_arn(account) },
                "Action": [
                    "kms:Create*", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*",
                    "kms:Revoke*", "kms:Disable*", "kms:Get*", "kms:Delete*", "kms:TagResource",
                    "kms:UntagResource", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"
                ],
                "Resource": "*"
            },
            {
                "Sid": "Allow use of the key", "Effect": "Allow",
                "Principal": { "AWS": user_arn(account) },
                "Action": [
                    "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"
                ],
                "Resource": "*"
            },
            {
                "Sid": "Allow attachment of persistent resources", "Effect": "Allow",
                "Principal": { "AWS": user_arn(account) },
                "Action": ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
                "Resource": "*",
                "Condition": { "Bool": { "kms:GrantIsForAWSResource": "true" } }
            }
        ]
    })
}

/// Puts a table encrypted the boto3 way: token and data key side by side, nothing in the metadata.
fn objects(world: &World, bucket: &str, plaintext: &[u8], ciphertext: &[u8]) -> Result<(), ApiError> {
    let fernet = fernet::Fernet::new(&URL_SAFE.encode(plaintext)).expect("a data key has 32 bytes");
    let token = fernet.encrypt(sensor_table().as_bytes());
    world.s3.create_bucket(bucket, &world.home)?;
    for (key, body, kind) in [
        ("data/a_chunk_of_secrets", token.as_bytes(), "binary/octet-stream"),
        ("dont_look", ciphertext, "binary/octet-stream"),
        ("readme.txt", README.as_bytes(), "text/plain"),
    ] {
        let about = About {
            content_type: Some(kind.to_owned()),
            ..About::default()
        };
        world.s3.put_bytes(bucket, key, body, about)?;
    }
    Ok(())
}

const README: &str = "data/a_chunk_of_secrets is a Fernet token; dont_look is its encrypted data key.\n\
    This file is plain: anyone who may read the bucket may read it.\n";

fn job(place: &Place, bucket: &str, key: &str, now: Timestamp) -> Value {
    let Place { account, region } = place;
    json!({
        "TrainingJobName": format!("example-job-{}", now.strftime("%Y-%m-%d")),
        "HyperParameters": {
            "ciphertext_s3_key": "dont_look",
            "kms_key_id": key,
            "master_key_id": key,
            "train_channel": "train",
            "train_file": "a_chunk_of_secrets",
            "key_bucket": bucket,
        },
        "AlgorithmSpecification": {
            "TrainingImage": format!("{account}.dkr.ecr.{region}.amazonaws.com/example-image:latest"),
            "TrainingInputMode": "File",
        },
        "RoleArn": format!("arn:aws:iam::{account}:role/{TRAINING_ROLE}"),
        "InputDataConfig": [{
            "ChannelName": "train",
            "DataSource": { "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": format!("s3://{bucket}/data"),
                "S3DataDistributionType": "FullyReplicated",
            } },
        }],
        "OutputDataConfig": { "S3OutputPath": format!("s3://{bucket}/output") },
        "ResourceConfig": { "InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10 },
        "StoppingCondition": { "MaxRuntimeInSeconds": 120 },
    })
}

/// Writes the sample files: no part of any account, so that an empty world has them too.
pub(super) fn files(world: &World) -> std::io::Result<()> {
    let folder = world.root.join("files");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("housing.csv"), housing_table())?;
    fs::write(folder.join("notes.txt"), NOTES)
}

const NOTES: &str = "housing.csv: made-up flats, one a row. area in square metres, age in years, distance to the\n\
    centre in kilometres, price in thousands. Not to leave this machine unencrypted.\n";

fn user_arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:user/{USER}")
}

/// Two hundred readings with a linear target.
fn sensor_table() -> String {
    let mut noise = Noise(7);
    let mut table = "temperature,pressure,vibration,wear\n".to_owned();
    for _ in 0..200 {
        let (temperature, pressure) = (noise.between(15.0, 95.0), noise.between(1.0, 9.0));
        let vibration = noise.between(0.0, 4.0);
        let wear = 0.8 * temperature - 2.5 * pressure + 6.0 * vibration + noise.between(-2.0, 2.0);
        let _ = writeln!(table, "{temperature:.2},{pressure:.3},{vibration:.3},{wear:.3}");
    }
    table
}

/// Five hundred flats, priced plausibly.
fn housing_table() -> String {
    let mut noise = Noise(42);
    let mut table = "area,rooms,age,distance,price\n".to_owned();
    for _ in 0..500 {
        let area = noise.between(28.0, 165.0);
        let rooms = (area / 27.0 + noise.between(-0.8, 0.8)).round().clamp(1.0, 7.0);
        let (age, distance) = (noise.between(0.0, 90.0).floor(), noise.between(0.3, 24.0));
        let price = 38.0 + 3.4 * area + 9.0 * rooms - 0.9 * age - 6.5 * distance + noise.between(-25.0, 25.0);
        let price = price.max(20.0);
        let _ = writeln!(table, "{area:.1},{rooms:.0},{age:.0},{distance:.1},{price:.1}");
    }
    table
}

/// The same numbers in every world.
struct Noise(u64);

impl Noise {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        // Knuth's MMIX generator; its high bits are good enough for a table to look at.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        low + (high - low) * (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[tokio::test]
    async fn a_new_world_holds_a_token_that_its_key_opens() {
        let world = Arc::new(World::scratch(crate::Options::default()));
        sow(&world).unwrap();
        let bucket = format!("sagemaker-{}-{}", world.home.region, world.home.account);
        let read = |key: &str| {
            let mut bytes = Vec::new();
            let object = world.s3.object(&bucket, key).unwrap();
            std::io::Read::read_to_end(&mut object.body.reader(), &mut bytes).unwrap();
            bytes
        };
        let blob = json!({ "CiphertextBlob": STANDARD.encode(read("dont_look")) });
        let answer = crate::kms::call(&world, &world.owner(), "Decrypt", &blob).unwrap();
        let key = STANDARD.decode(answer["Plaintext"].as_str().unwrap()).unwrap();
        let fernet = fernet::Fernet::new(&URL_SAFE.encode(key)).unwrap();
        let token = String::from_utf8(read("data/a_chunk_of_secrets")).unwrap();
        assert!(token.starts_with("gAAAAA"));
        assert_eq!(fernet.decrypt(&token).unwrap(), sensor_table().as_bytes());
        assert_eq!(housing_table().lines().count(), 501);
        world.stop().await;
    }
}
