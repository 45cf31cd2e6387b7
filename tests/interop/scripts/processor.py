"""A processing job as users of the SageMaker Python SDK's version 2 make it."""

from on_two_hosts import begin
from sagemaker import Session
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor


def shards(bucket):
    return ProcessingInput(
        source=f"s3://{bucket}/shards/",
        destination="/opt/ml/processing/input/shards",
        s3_data_distribution_type="ShardedByS3Key",
    )


def results(bucket):
    return ProcessingOutput(source="/opt/ml/processing/output", destination=f"s3://{bucket}/results")


if __name__ == "__main__":
    job, stops = begin(ScriptProcessor, Session, shards, results)
    if stops:
        while "ProcessingStartTime" not in job.describe():
            pass
        job.stop()
        job.wait(logs=False)
    print(job.describe()["ProcessingJobStatus"], job.job_name)
