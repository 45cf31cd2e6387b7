"""A training job as users of the SageMaker Python SDK's version 2 make it. Arguments: image, role, bucket, KMS key."""

import sys

from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

if __name__ == "__main__":
    image, role, bucket, key = sys.argv[1:]
    estimator = Estimator(
        image_uri=image,
        role=role,
        instance_count=1,
        instance_type="ml.m5.large",
        output_path=f"s3://{bucket}/output",
        output_kms_key=key,
        hyperparameters={"epochs": 3},
        environment={"WORD": "a b"},
        metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        max_run=120,
        tags=[{"Key": "team", "Value": "vision"}],
    )
    estimator.fit({"train": TrainingInput(f"s3://{bucket}/data")})
    print(estimator.latest_training_job.name, estimator.model_data)
