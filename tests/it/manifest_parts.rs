//! A manifest in parts, as jobs of very many files have it: the container joins them, and takes no other part than was named.

use std::collections::HashMap;

use aws_sdk_sagemaker::operation::describe_training_job::DescribeTrainingJobOutput;
use strongroom::actions;
use strongroom_envelope::binding::digest;
use strongroom_envelope::manifest::{Manifest, ManifestPart};

use crate::place::{Place, never};
use crate::walk::{BUCKET, TABLE, job, with_data};

/// Starts the job again under another name, with its manifest split to a file each.
fn in_parts(place: &Place, original: &DescribeTrainingJobOutput, name: &str, is_swapped: bool) {
    let first = place
        .s3()
        .get_object()
        .bucket(BUCKET)
        .key(".strongroom/manifests/job-1.json");
    let body = place.wait(first.send()).unwrap().body;
    let whole = Manifest::read(&place.wait(body.collect()).unwrap().into_bytes()).unwrap();
    let (mut index, parts) = whole.split(1);
    assert_eq!(parts.len(), 3);
    for (number, part) in parts.iter().enumerate() {
        let key = format!(".strongroom/manifests/{name}/{number}.json");
        let bytes = serde_json::to_vec(part).unwrap();
        index.parts.push(ManifestPart {
            key: key.clone(),
            sha256: digest(&bytes),
        });
        let swapped = serde_json::to_vec(&parts[0]).unwrap();
        place.put(BUCKET, &key, if is_swapped { &swapped } else { &bytes });
    }
    let key = format!(".strongroom/manifests/{name}.json");
    let bytes = serde_json::to_vec(&index).unwrap();
    place.put(BUCKET, &key, &bytes);
    let mut parameters: HashMap<String, String> = original.hyper_parameters().unwrap().clone();
    parameters.insert("strongroom_manifest".to_owned(), format!("s3://{BUCKET}/{key}"));
    parameters.insert("strongroom_manifest_sha256".to_owned(), digest(&bytes));
    let create = aws_sdk_sagemaker::Client::new(&place.sdk())
        .create_training_job()
        .training_job_name(name)
        .role_arn(original.role_arn().unwrap())
        .set_hyper_parameters(Some(parameters))
        .set_algorithm_specification(original.algorithm_specification().cloned())
        .set_input_data_config(Some(original.input_data_config().to_vec()))
        .set_output_data_config(original.output_data_config().cloned())
        .set_checkpoint_config(original.checkpoint_config().cloned())
        .set_resource_config(original.resource_config().cloned())
        .set_stopping_condition(original.stopping_condition().cloned());
    place.wait(create.send()).unwrap();
}

#[test]
fn a_job_opens_all_that_the_parts_of_its_manifest_list_and_refuses_a_part_that_was_swapped() {
    let place = Place::new();
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    place.grant(&key_arn, &role_arn);
    let to = format!("s3://{BUCKET}/data/several/");
    for name in ["a.csv", "b.csv", "c.csv"] {
        place.write(name, TABLE);
        // Each under a data key of its own.
        place.run(&["encrypt", name, &to, "--key", &key_arn]).ok();
    }
    place
        .wait(actions::start_job(
            &place.aws,
            &job("job-1", &role_arn, "data/several/"),
            &never(),
        ))
        .unwrap();
    place.run(&["watch", "job-1"]).ok();
    let sagemaker = aws_sdk_sagemaker::Client::new(&place.sdk());
    let original = place
        .wait(sagemaker.describe_training_job().training_job_name("job-1").send())
        .unwrap();

    in_parts(&place, &original, "job-2", false);
    let told = place.run(&["watch", "job-2"]).ok().out;
    for name in ["a.csv", "b.csv", "c.csv"] {
        assert!(told.contains(&format!("decrypted train/{name}")), "{told}");
    }
    in_parts(&place, &original, "job-3", true);
    place
        .run(&["watch", "job-3"])
        .failed(1, &["job-3/1.json", "its SHA-256 is"]);
}
