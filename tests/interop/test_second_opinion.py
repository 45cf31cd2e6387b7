"""The same script against the sandbox and against moto, in what moto does faithfully: the same results."""

import base64
import hashlib
import json
import os
import time
import zlib

import pytest
from botocore.exceptions import ClientError

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def told(call, **arguments):
    """The answer, or the error's code."""
    try:
        return call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]


def crypto(world):
    kms = world.client("kms")
    key, other = (
        kms.create_key(Description=name, KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"] for name in ("one", "two")
    )
    context = {"project": "houses", "tier": "gold"}
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"hello", EncryptionContext=context)
    blob = sealed["CiphertextBlob"]
    moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=other["KeyId"])
    data_key = kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256")
    short = kms.generate_data_key(KeyId=key["KeyId"], NumberOfBytes=16)
    yield sorted(set(key) & {"KeyId", "Arn", "Enabled", "KeyState", "KeySpec", "KeyUsage", "Origin", "KeyManager"})
    yield [key[name] for name in ("Enabled", "KeyState", "KeySpec", "KeyUsage", "Origin", "KeyManager")]
    yield sealed["KeyId"] == key["Arn"]
    yield kms.decrypt(CiphertextBlob=blob, EncryptionContext=dict(reversed(context.items())))["Plaintext"]
    yield told(kms.decrypt, CiphertextBlob=blob)
    yield told(kms.decrypt, CiphertextBlob=blob, EncryptionContext={"project": "cars"})
    yield kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"]
    yield (moved["SourceKeyId"], moved["KeyId"]) == (key["Arn"], other["Arn"])
    yield len(data_key["Plaintext"]), len(short["Plaintext"])
    yield kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"] == data_key["Plaintext"]
    yield "Plaintext" in kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], KeySpec="AES_256")
    yield len(kms.generate_random(NumberOfBytes=24)["Plaintext"])
    yield told(kms.encrypt, KeyId="alias/nowhere", Plaintext=b"x")
    kms.disable_key(KeyId=key["KeyId"])
    yield kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"]
    kms.schedule_key_deletion(KeyId=other["KeyId"], PendingWindowInDays=7)
    yield kms.describe_key(KeyId=other["KeyId"])["KeyMetadata"]["KeyState"]
    kms.cancel_key_deletion(KeyId=other["KeyId"])
    yield kms.describe_key(KeyId=other["KeyId"])["KeyMetadata"]["KeyState"]


def aliases(world):
    kms = world.client("kms")
    one, two = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    kms.create_alias(AliasName="alias/opinion", TargetKeyId=one)
    yield kms.describe_key(KeyId="alias/opinion")["KeyMetadata"]["KeyId"] == one
    yield told(kms.create_alias, AliasName="alias/opinion", TargetKeyId=two)
    kms.update_alias(AliasName="alias/opinion", TargetKeyId=two)
    yield kms.describe_key(KeyId="alias/opinion")["KeyMetadata"]["KeyId"] == two
    rows = [row for row in kms.list_aliases(KeyId=two)["Aliases"]]
    yield [(row["AliasName"], row["TargetKeyId"] == two) for row in rows]
    kms.delete_alias(AliasName="alias/opinion")
    yield told(kms.describe_key, KeyId="alias/opinion")
    kms.tag_resource(KeyId=one, Tags=[{"TagKey": "a", "TagValue": "1"}, {"TagKey": "b", "TagValue": "2"}])
    kms.untag_resource(KeyId=one, TagKeys=["a"])
    yield kms.list_resource_tags(KeyId=one)["Tags"]
    kms.enable_key_rotation(KeyId=one)
    yield kms.get_key_rotation_status(KeyId=one)["KeyRotationEnabled"]
    kms.disable_key_rotation(KeyId=one)
    yield kms.get_key_rotation_status(KeyId=one)["KeyRotationEnabled"]


def roles(world):
    iam, sts = world.client("iam"), world.client("sts")
    made = iam.create_role(RoleName="opinion", AssumeRolePolicyDocument=TRUST, Description="d")["Role"]
    yield made["Arn"].rsplit(":", 1)[1], made["Path"], made["AssumeRolePolicyDocument"]
    yield told(iam.create_role, RoleName="opinion", AssumeRolePolicyDocument=TRUST)
    policy = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    iam.attach_role_policy(RoleName="opinion", PolicyArn=policy)
    yield iam.list_attached_role_policies(RoleName="opinion")["AttachedPolicies"]
    inline = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="opinion", PolicyName="inline", PolicyDocument=json.dumps(inline))
    yield iam.list_role_policies(RoleName="opinion")["PolicyNames"]
    yield iam.get_role_policy(RoleName="opinion", PolicyName="inline")["PolicyDocument"]
    yield told(iam.delete_role, RoleName="opinion")
    iam.detach_role_policy(RoleName="opinion", PolicyArn=policy)
    iam.delete_role_policy(RoleName="opinion", PolicyName="inline")
    iam.delete_role(RoleName="opinion")
    yield told(iam.get_role, RoleName="opinion")
    yield sts.get_caller_identity()["ResponseMetadata"]["HTTPStatusCode"]
    # What AWS's managed policies hold is what moto holds, as far as the sandbox's services go.
    for name in ("AdministratorAccess", "AmazonS3FullAccess", "AWSKeyManagementServicePowerUser"):
        arn = f"arn:aws:iam::aws:policy/{name}"
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        actions = [statement["Action"] for statement in document["Statement"]]
        ours = ("kms:", "s3:", "iam:", "*")
        yield name, [
            [action for action in ([some] if isinstance(some, str) else some) if action.startswith(ours)]
            for some in actions
        ]


def objects(world):
    s3 = world.client("s3")
    s3.create_bucket(Bucket="opinion-bucket")
    body = b"0123456789" * 1000
    put = s3.put_object(Bucket="opinion-bucket", Key="a/b", Body=body, Metadata={"name": "value"}, ContentType="text/x")
    yield put["ETag"], put.get("ChecksumCRC32")
    yield put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    sums = s3.put_object(Bucket="opinion-bucket", Key="a", Body=body, ChecksumAlgorithm="CRC32")
    yield sums["ChecksumCRC32"] == crc
    got = s3.get_object(Bucket="opinion-bucket", Key="a/b")
    yield got["Body"].read() == body, got["Metadata"], got["ContentType"], got["ContentLength"]
    part = s3.get_object(Bucket="opinion-bucket", Key="a/b", Range="bytes=5-14")
    yield part["Body"].read(), part["ContentRange"], part["ResponseMetadata"]["HTTPStatusCode"]
    tail = s3.get_object(Bucket="opinion-bucket", Key="a/b", Range="bytes=-3")
    yield tail["Body"].read(), tail["ContentRange"]
    yield told(s3.get_object, Bucket="opinion-bucket", Key="a/b", Range="bytes=20000-")
    yield told(s3.get_object, Bucket="opinion-bucket", Key="a/b", IfMatch='"other"')
    yield told(s3.get_object, Bucket="opinion-bucket", Key="nothing")
    yield told(s3.get_object, Bucket="no-such-bucket-here", Key="nothing")
    yield told(s3.put_object, Bucket="opinion-bucket", Key="a/b", Body=b"x", IfNoneMatch="*")
    for number in range(5):
        s3.put_object(Bucket="opinion-bucket", Key=f"many/{number}", Body=b"x")
    first = s3.list_objects_v2(Bucket="opinion-bucket", Prefix="many/", MaxKeys=3)
    rest = s3.list_objects_v2(
        Bucket="opinion-bucket", Prefix="many/", ContinuationToken=first["NextContinuationToken"]
    )
    yield [row["Key"] for row in first["Contents"]], first["IsTruncated"]
    yield [row["Key"] for row in rest["Contents"]], rest["IsTruncated"]
    folders = s3.list_objects_v2(Bucket="opinion-bucket", Delimiter="/")
    yield [row["Key"] for row in folders["Contents"]], [row["Prefix"] for row in folders["CommonPrefixes"]]
    s3.copy_object(Bucket="opinion-bucket", Key="copy", CopySource="opinion-bucket/a/b")
    copy = s3.head_object(Bucket="opinion-bucket", Key="copy")
    yield copy["ETag"] == put["ETag"], copy["Metadata"]
    parts = [os.urandom(5 << 20), b"end"]
    upload = s3.create_multipart_upload(Bucket="opinion-bucket", Key="big")["UploadId"]
    done = []
    for number, part in enumerate(parts, 1):
        place = {"Bucket": "opinion-bucket", "Key": "big", "UploadId": upload, "PartNumber": number}
        done.append({"PartNumber": number, "ETag": s3.upload_part(Body=part, **place)["ETag"]})
    answer = s3.complete_multipart_upload(
        Bucket="opinion-bucket", Key="big", UploadId=upload, MultipartUpload={"Parts": done}
    )
    whole = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
    yield answer["ETag"] == f'"{whole}-2"'
    yield s3.get_object(Bucket="opinion-bucket", Key="big")["Body"].read() == b"".join(parts)
    yield told(s3.delete_bucket, Bucket="opinion-bucket")


def log_pages(world):
    logs = world.client("logs")
    logs.create_log_group(logGroupName="opinion")
    yield told(logs.create_log_group, logGroupName="opinion")
    logs.create_log_stream(logGroupName="opinion", logStreamName="s")
    start = int(time.time() * 1000) - 60_000
    events = [{"timestamp": start + number, "message": f"line {number}"} for number in range(10)]
    logs.put_log_events(logGroupName="opinion", logStreamName="s", logEvents=events)
    where = {"logGroupName": "opinion", "logStreamName": "s"}
    seen, token = [], None
    for _ in range(10):
        more = {"nextToken": token} if token else {}
        page = logs.get_log_events(startFromHead=True, limit=4, **where, **more)
        seen.append([event["message"] for event in page["events"]])
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    yield seen
    yield [event["message"] for event in logs.get_log_events(limit=3, **where)["events"]]
    yield [event["message"] for event in logs.filter_log_events(logGroupName="opinion", limit=10)["events"]]
    yield [row["logStreamName"] for row in logs.describe_log_streams(logGroupName="opinion")["logStreams"]]
    yield told(logs.get_log_events, logGroupName="opinion", logStreamName="other")


@pytest.mark.parametrize("script", [crypto, aliases, roles, objects, log_pages])
def test_both_say_the_same(sandbox, moto, script):
    ours, theirs = list(script(sandbox)), list(script(moto))
    differing = [(number, one, two) for number, (one, two) in enumerate(zip(ours, theirs)) if one != two]
    assert differing == [] and len(ours) == len(theirs)
