"""A processing job on two hosts, as both versions of the SageMaker Python SDK make it. Arguments: image, role, bucket, KMS key of
the outputs, a script, and `wait`, or `stop` to stop it once it runs."""

import sys


def begin(make_processor, make_session, shards, results):
    """The job, with what `shards` and `results` make of the bucket, and whether it is to be stopped."""
    image, role, bucket, key, script, how = sys.argv[1:]
    processor = make_processor(
        role=role,
        image_uri=image,
        command=["sh"],
        instance_count=2,
        instance_type="ml.m5.large",
        volume_size_in_gb=1,
        output_kms_key=key,
        max_runtime_in_seconds=120,
        env={"WORD": "a b"},
        tags=[{"Key": "team", "Value": "vision"}],
        base_job_name="shares",
        sagemaker_session=make_session(default_bucket=bucket),
    )
    wait = how == "wait"
    processor.run(script, [shards(bucket)], [results(bucket)], ["one", "two words"], wait=wait, logs=wait)
    return processor.latest_job, not wait
