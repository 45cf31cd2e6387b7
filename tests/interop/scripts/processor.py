"""A processing job on two hosts as users of the SageMaker Python SDK's version 2 make it. Arguments: image, role, bucket, KMS key of
the outputs, a script, and `wait`, or `stop` to stop it once it runs."""

import sys

from sagemaker import Session
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor

if __name__ == "__main__":
    image, role, bucket, key, script, how = sys.argv[1:]
    processor = ScriptProcessor(
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
        sagemaker_session=Session(default_bucket=bucket),
    )
    shards = ProcessingInput(
        source=f"s3://{bucket}/shards/",
        destination="/opt/ml/processing/input/shards",
        s3_data_distribution_type="ShardedByS3Key",
    )
    results = ProcessingOutput(source="/opt/ml/processing/output", destination=f"s3://{bucket}/results")
    wait = how == "wait"
    processor.run(script, [shards], [results], ["one", "two words"], wait=wait, logs=wait)
    job = processor.latest_job
    if not wait:
        while "ProcessingStartTime" not in job.describe():
            pass
        job.stop()
        job.wait(logs=False)
    print(job.describe()["ProcessingJobStatus"], job.job_name)
