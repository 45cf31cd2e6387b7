"""A processing job as users of the SageMaker Python SDK's version 3 make it."""

from on_two_hosts import begin
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output


def shards(bucket):
    return ProcessingInput(
        input_name="shards",
        s3_input=ProcessingS3Input(
            s3_uri=f"s3://{bucket}/shards/",
            local_path="/opt/ml/processing/input/shards",
            s3_data_type="S3Prefix",
            s3_input_mode="File",
            s3_data_distribution_type="ShardedByS3Key",
        ),
    )


def results(bucket):
    return ProcessingOutput(
        output_name="results",
        s3_output=ProcessingS3Output(
            s3_uri=f"s3://{bucket}/results", local_path="/opt/ml/processing/output", s3_upload_mode="EndOfJob"
        ),
    )


if __name__ == "__main__":
    job, stops = begin(ScriptProcessor, Session, shards, results)
    if stops:
        while job.refresh().processing_start_time is None:
            pass
        job.stop()
        job.wait()
    job.refresh()
    print(job.processing_job_status, job.processing_job_name)
