"""A plugin of pytest's: takes off every bucket that the suite makes what S3 puts on new ones since.

The suite is of the time before April 2023, when S3 began to block public access (most of its tests of bucket policies let
everybody in), and before April 2026, when it began to block SSE-C. When it clears up it bypasses governance in every bucket,
which S3 hears only of those with object lock.
"""

import botocore.client

make_api_call = botocore.client.BaseClient._make_api_call


def opening(self, operation, members):
    if operation == "DeleteObjects" and not has_lock(self, members["Bucket"]):
        members = {name: value for name, value in members.items() if name != "BypassGovernanceRetention"}
    answer = make_api_call(self, operation, members)
    if operation == "CreateBucket":
        bucket = members["Bucket"]
        make_api_call(self, "DeletePublicAccessBlock", {"Bucket": bucket})
        if blocks_customer_keys(self, bucket):
            rule = {"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}
            encryption = {"Bucket": bucket, "ServerSideEncryptionConfiguration": {"Rules": [rule]}}
            make_api_call(self, "PutBucketEncryption", encryption)
    return answer


def has_lock(client, bucket):
    try:
        make_api_call(client, "GetObjectLockConfiguration", {"Bucket": bucket})
    except botocore.client.ClientError:
        return False
    return True


def blocks_customer_keys(client, bucket):
    try:
        answer = make_api_call(client, "GetBucketEncryption", {"Bucket": bucket})
    except botocore.client.ClientError:
        return False
    rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
    return any("SSE-C" in rule.get("BlockedEncryptionTypes", {}).get("EncryptionType", []) for rule in rules)


botocore.client.BaseClient._make_api_call = opening
