//! A great many of everything, quickly: worlds to measure and to scroll in.

use std::str::FromStr;

use jiff::SignedDuration;

use super::kms::{NewGrant, NewKey};
use super::s3::{About, Condition};
use super::sagemaker;
use crate::prelude::*;

/// How many of each, beside what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fill {
    /// Keys; one in ten has an alias.
    pub keys: usize,
    /// Grants on one key, `alias/fill`.
    pub grants: usize,
    /// Objects below `data/` of the bucket `sagemaker-fill`.
    pub objects: usize,
    /// Completed training jobs of the last ninety days.
    pub jobs: usize,
}

impl FromStr for Fill {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut fill = Self::default();
        for pair in text.split(',').filter(|pair| !pair.is_empty()) {
            let (what, count) = pair.split_once('=').unwrap_or((pair, ""));
            let count = count.parse().map_err(|_| format!("`{pair}` is not NAME=NUMBER"))?;
            match what {
                "keys" => fill.keys = count,
                "grants" => fill.grants = count,
                "objects" => fill.objects = count,
                "jobs" => fill.jobs = count,
                _ => return Err(format!("`{what}` is none of keys, grants, objects, jobs")),
            }
        }
        Ok(fill)
    }
}

/// Adds them all.
pub(super) fn pour(world: &World, fill: &Fill) -> Result<(), ApiError> {
    keys(world, fill);
    objects(world, fill.objects)?;
    for number in 0..fill.jobs {
        let share = number as f64 / fill.jobs as f64;
        let age = SignedDuration::from_secs((share * 90.0 * 86400.0) as i64);
        sagemaker::add_completed(world, &job(&world.home, number), world.now() - age)?;
    }
    Ok(())
}

fn keys(world: &World, fill: &Fill) {
    let mut kms = world.kms();
    for number in 0..fill.keys {
        let id = kms.create_key(
            &world.home,
            NewKey {
                description: &format!("Key {number} of many"),
                ..NewKey::default()
            },
        );
        if number % 10 == 0 {
            kms.put_alias(&format!("alias/fill-{number:06}"), &id);
        }
    }
    if fill.grants == 0 {
        return;
    }
    let id = kms.create_key(
        &world.home,
        NewKey {
            description: "The key of many grants",
            ..NewKey::default()
        },
    );
    kms.put_alias("alias/fill", &id);
    for number in 0..fill.grants {
        kms.grant(
            &id,
            NewGrant {
                grantee: &format!("arn:aws:iam::{}:role/fill-{}", world.home.account, number % 1000),
                operations: vec!["Decrypt".to_owned(), "Encrypt".to_owned()],
                name: Some(&format!("grant-{number:06}")),
                ..NewGrant::default()
            },
        );
    }
}

/// All objects share one file, as copies do.
fn objects(world: &World, count: usize) -> Result<(), ApiError> {
    const BUCKET: &str = "sagemaker-fill";
    if count == 0 {
        return Ok(());
    }
    let about = About {
        content_type: Some("text/csv".to_owned()),
        ..About::default()
    };
    let name = |number: usize| format!("data/part-{number:06}.csv");
    world.s3.create_bucket(BUCKET, &world.home)?;
    world
        .s3
        .put_bytes(BUCKET, &name(0), b"rooms,age,price\n3,12,250\n", about)?;
    let first = world.s3.object(BUCKET, &name(0))?;
    for number in 1..count {
        world.s3.put(BUCKET, &name(number), (*first).clone(), &Condition::Any)?;
    }
    Ok(())
}

fn job(place: &Place, number: usize) -> serde_json::Value {
    let Place { account, region } = place;
    json!({
        "TrainingJobName": format!("fill-{number:06}"),
        "HyperParameters": { "epochs": "20" },
        "AlgorithmSpecification": {
            "TrainingImage": format!("{account}.dkr.ecr.{region}.amazonaws.com/example-image:latest"),
            "TrainingInputMode": "File",
        },
        "RoleArn": format!("arn:aws:iam::{account}:role/example-role"),
        "OutputDataConfig": { "S3OutputPath": "s3://sagemaker-fill/output" },
        "ResourceConfig": { "InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10 },
        "StoppingCondition": { "MaxRuntimeInSeconds": 120 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_fill_with_is_read_and_nonsense_is_not() {
        let fill: Fill = "keys=10,jobs=2".parse().unwrap();
        assert_eq!((fill.keys, fill.jobs, fill.grants), (10, 2, 0));
        assert_eq!("".parse(), Ok(Fill::default()));
        assert!("keys".parse::<Fill>().is_err() && "cats=1".parse::<Fill>().is_err());
    }
}
