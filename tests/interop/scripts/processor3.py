"""A processing job on two hosts as users of the SageMaker Python SDK's version 3 make it. Arguments: image, role, bucket, KMS key of
the outputs, a script, and `wait`, or `stop` to stop it once it runs."""

import sys

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output

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
        input_name="shards",
        s3_input=ProcessingS3Input(
            s3_uri=f"s3://{bucket}/shards/",
            local_path="/opt/ml/processing/input/shards",
            s3_data_type="S3Prefix",
            s3_input_mode="File",
            s3_data_distribution_type="ShardedByS3Key",
        ),
    )
    results = ProcessingOutput(
        output_name="results",
        s3_output=ProcessingS3Output(
            s3_uri=f"s3://{bucket}/results", local_path="/opt/ml/processing/output", s3_upload_mode="EndOfJob"
        ),
    )
    wait = how == "wait"
    processor.run(script, [shards], [results], ["one", "two words"], wait=wait, logs=wait)
    job = processor.latest_job
    if not wait:
        while job.refresh().processing_start_time is None:
            pass
        job.stop()
        job.wait()
    job.refresh()
    print(job.processing_job_status, job.processing_job_name)
