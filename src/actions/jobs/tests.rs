use super::*;
use crate::domain::FaultKind;
use crate::domain::{JobPlan, JobSettings};

pub(in crate::actions) fn spec() -> JobSpec {
    JobSpec {
        name: "job-1".to_owned(),
        role_arn: "arn:aws:iam::111122223333:role/example-role".to_owned(),
        image: "image".to_owned(),
        instance_type: "ml.m5.large".to_owned(),
        instance_count: 1,
        volume_gb: 10,
        max_runtime: 120,
        bucket: "b".to_owned(),
        object: "data/x.csv".to_owned(),
        output: "s3://b/output".to_owned(),
        hyperparameters: BTreeMap::new(),
        moved_from: None,
        settings: JobSettings::default(),
        plan: JobPlan::default(),
        original: None,
    }
}

#[test]
fn names_that_sagemaker_refuses_are_refused_here() {
    for name in ["a", "job-1", "a--b", &"x".repeat(63)] {
        assert!(is_job_name(name), "{name}");
    }
    for name in ["", "-a", "a-", "a_b", "a.b", "jöb", &"x".repeat(64)] {
        assert!(!is_job_name(name), "{name}");
    }
}

#[test]
fn a_job_without_object_or_output_is_not_started() {
    assert!(check(&spec()).is_ok());
    for wrong in [
        JobSpec {
            object: String::new(),
            ..spec()
        },
        JobSpec {
            output: "/tmp".to_owned(),
            ..spec()
        },
        JobSpec {
            instance_count: 0,
            ..spec()
        },
        JobSpec {
            output: "s3://b/data/x.csv/out".to_owned(),
            ..spec()
        },
    ] {
        assert_eq!(check(&wrong).unwrap_err().kind, FaultKind::Invalid);
    }
}

#[test]
fn hyperparameters_beyond_the_limits_are_named() {
    let long = BTreeMap::from([("big".to_owned(), "x".repeat(LONGEST_VALUE + 1))]);
    assert!(check_hyperparameters(&spec(), &long).unwrap_err().cause.contains("big"));
    let many = (0..101).map(|n| (n.to_string(), String::new())).collect();
    assert!(check_hyperparameters(&spec(), &many).is_err());
}

#[test]
fn an_output_beside_the_data_is_no_output_inside_of_it() {
    for (object, output, is_inside) in [
        ("data/", "s3://b/data/", true),
        ("data/", "s3://b/data", true),
        ("data", "s3://b/data/out", true),
        ("data/", "s3://b/data-out", false),
        ("data/train/", "s3://b/data", false),
        ("data/", "s3://other/data/", false),
        ("data/", "s3://b", false),
    ] {
        let spec = JobSpec {
            object: object.to_owned(),
            output: output.to_owned(),
            ..spec()
        };
        assert_eq!(check(&spec).is_err(), is_inside, "{object} {output}");
    }
}
