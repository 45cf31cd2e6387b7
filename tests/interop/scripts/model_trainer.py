"""A training job as users of the SageMaker Python SDK's version 3 make it. Arguments: image, role, bucket, KMS key, and a
folder with a script of one's own, if the image is to run that."""

import sys

from sagemaker.core.helper.session_helper import Session
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode, StoppingCondition

if __name__ == "__main__":
    image, role, bucket, key, *folder = sys.argv[1:]
    trainer = ModelTrainer(
        training_image=image,
        role=role,
        sagemaker_session=Session(default_bucket=bucket),
        source_code=SourceCode(source_dir=folder[0], entry_script="train.py") if folder else None,
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/output", kms_key_id=key),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=120),
        hyperparameters={"epochs": 3},
        environment={"WORD": "a b"},
    )
    trainer.train(input_data_config=[InputData(channel_name="train", data_source=f"s3://{bucket}/data")])
    job = trainer._latest_training_job
    print(job.training_job_name, job.model_artifacts.s3_model_artifacts)
