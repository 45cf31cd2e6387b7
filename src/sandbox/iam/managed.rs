//! AWS-managed policies that the workflow names, as far as this world's services go.

use serde_json::{Value, json};

/// The document of a managed policy by its ARN.
pub(super) fn document(arn: &str) -> Option<Value> {
    let name = arn.strip_prefix("arn:aws:iam::aws:policy/")?;
    let statements = match name {
        "AdministratorAccess" => json!([allow(&["*"])]),
        "IAMFullAccess" => json!([allow(&["iam:*", "organizations:Describe*", "organizations:List*"])]),
        "AmazonS3FullAccess" => json!([allow(&["s3:*", "s3-object-lambda:*"])]),
        "AmazonS3ReadOnlyAccess" => json!([allow(&["s3:Get*", "s3:List*", "s3:Describe*"])]),
        "AWSKeyManagementServicePowerUser" => json!([allow(&[
            "kms:CreateAlias",
            "kms:CreateKey",
            "kms:DeleteAlias",
            "kms:Describe*",
            "kms:GenerateRandom",
            "kms:Get*",
            "kms:List*",
            "kms:TagResource",
            "kms:UntagResource",
            "iam:ListGroups",
            "iam:ListRoles",
            "iam:ListUsers"
        ])]),
        "AmazonEC2ContainerRegistryFullAccess" => json!([allow(&["ecr:*", "cloudtrail:LookupEvents"])]),
        "CloudWatchLogsReadOnlyAccess" => json!([allow(&[
            "logs:Describe*",
            "logs:Get*",
            "logs:List*",
            "logs:StartQuery",
            "logs:StopQuery",
            "logs:TestMetricFilter",
            "logs:FilterLogEvents"
        ])]),
        "CloudWatchLogsFullAccess" => json!([allow(&["logs:*"])]),
        "AmazonSageMakerFullAccess" => sagemaker(),
        _ => return None,
    };
    Some(json!({ "Version": "2012-10-17", "Statement": statements }))
}

fn allow(actions: &[&str]) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": "*" })
}

/// On keys only DescribeKey and ListAliases; on objects only where the bucket's name contains `sagemaker`.
fn sagemaker() -> Value {
    json!([
        allow(&["sagemaker:*"]),
        allow(&[
            "cloudwatch:PutMetricData", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CreateRepository", "ecr:Describe*",
            "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer", "iam:ListRoles", "kms:DescribeKey", "kms:ListAliases",
            "logs:CreateLogDelivery", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:Describe*", "logs:GetLogEvents", "logs:PutLogEvents"
        ]),
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            "Resource": ["arn:aws:s3:::*SageMaker*", "arn:aws:s3:::*Sagemaker*", "arn:aws:s3:::*sagemaker*", "arn:aws:s3:::*aws-glue*"]
        },
        allow(&["s3:CreateBucket", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListAllMyBuckets", "s3:GetBucketCors", "s3:PutBucketCors"]),
        {
            "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "arn:aws:iam::*:role/*",
            "Condition": { "StringEquals": { "iam:PassedToService": ["glue.amazonaws.com", "robomaker.amazonaws.com", "states.amazonaws.com"] } }
        },
        {
            "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "arn:aws:iam::*:role/*",
            "Condition": { "StringEquals": { "iam:PassedToService": "sagemaker.amazonaws.com" } }
        }
    ])
}
