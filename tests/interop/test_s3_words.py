"""S3's rules about conditions, encryption and owners: what AWS refuses is refused in its words."""

import base64
import json

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def s3(sandbox):
    return sandbox.client("s3")


def refused(call, **asked):
    with pytest.raises(ClientError) as error:
        call(**asked)
    said = error.value.response
    assert said["Error"]["Message"]
    return said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Code"]


def test_a_condition_on_what_is_removed_or_replaced_holds_or_nothing_happens(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="kept", Body=b"1")["ETag"]
    s3.put_object(Bucket=bucket, Key="source", Body=b"2")
    failed = (412, "PreconditionFailed")
    assert refused(s3.delete_object, Bucket=bucket, Key="kept", IfMatch='"other"') == failed
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "kept", "ETag": '"other"'}]})
    assert [error["Code"] for error in answer["Errors"]] == ["PreconditionFailed"]
    copy = {"Bucket": bucket, "Key": "kept", "CopySource": f"{bucket}/source"}
    assert refused(s3.copy_object, **copy, IfNoneMatch="*") == failed
    assert refused(s3.copy_object, **copy, IfMatch='"other"') == failed
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"1"
    s3.copy_object(**copy, IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"2"
    s3.delete_object(Bucket=bucket, Key="kept", IfMatch="*")
    assert refused(s3.delete_object, Bucket=bucket, Key="kept", IfMatch="*") == (404, "NoSuchKey")


def test_a_version_is_removed_only_if_it_matches(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    one = {"Bucket": bucket, "Key": "a", "VersionId": put["VersionId"]}
    assert refused(s3.delete_object, **one, IfMatch='"other"') == (412, "PreconditionFailed")
    s3.delete_object(**one, IfMatch=put["ETag"])
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)


def test_another_owner_than_expected_is_refused(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"1", ExpectedBucketOwner="111122223333")
    for call, asked in [
        (s3.get_object, {"Key": "a"}),
        (s3.put_object, {"Key": "a"}),
        (s3.delete_object, {"Key": "a"}),
        (s3.list_objects_v2, {}),
        (s3.delete_objects, {"Delete": {"Objects": [{"Key": "a"}]}}),
    ]:
        assert refused(call, Bucket=bucket, ExpectedBucketOwner="999999999999", **asked) == (403, "AccessDenied")
    copy = {"Bucket": bucket, "Key": "b", "CopySource": f"{bucket}/a"}
    assert refused(s3.copy_object, **copy, ExpectedSourceBucketOwner="999999999999") == (403, "AccessDenied")
    code = refused(s3.get_object, Bucket=bucket, Key="a", ExpectedBucketOwner="me")
    assert code == (400, "InvalidBucketOwnerAWSAccountID")
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a"]


def test_what_nobody_asked_to_encrypt_answers_aes256(s3, bucket):
    def said(answer):
        return answer["ServerSideEncryption"]

    part = {"Bucket": bucket, "Key": "m"}
    begun = s3.create_multipart_upload(**part)
    part["UploadId"] = begun["UploadId"]
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    sent = s3.upload_part(**part, PartNumber=1, Body=b"1")
    copied = s3.upload_part_copy(**part, PartNumber=2, CopySource=f"{bucket}/a")
    done = s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": sent["ETag"]}]})
    answers = [begun, put, sent, copied, done]
    answers += [s3.get_object(Bucket=bucket, Key="a"), s3.head_object(Bucket=bucket, Key="m")]
    answers += [s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")]
    assert {said(answer) for answer in answers} == {"AES256"}


def test_the_buckets_default_encrypts_what_says_nothing(s3, bucket, key):
    def rule():
        return s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]

    assert rule() == {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    asked = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        "BucketKeyEnabled": True,
    }
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [asked]})
    assert rule() == asked
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == ("aws:kms", key, True)
    assert s3.get_object(Bucket=bucket, Key="a")["SSEKMSKeyId"] == key
    other = s3.put_object(Bucket=bucket, Key="b", Body=b"1", ServerSideEncryption="AES256")
    assert other["ServerSideEncryption"] == "AES256" and "SSEKMSKeyId" not in other
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.put_object(Bucket=bucket, Key="c", Body=b"1")["ServerSideEncryption"] == "AES256"


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"ServerSideEncryption": "aes:kms"}, 400, "InvalidArgument"),
        ({"SSEKMSKeyId": "alias/a"}, 400, "InvalidArgument"),
        ({"ServerSideEncryption": "AES256", "SSEKMSKeyId": "alias/a"}, 400, "InvalidArgument"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/a"}, 400, "KMS.NotFoundException"),
        ({"ServerSideEncryption": "aws:kms:dsse"}, 501, "NotImplemented"),
        ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}, 501, "NotImplemented"),
        ({"StorageClass": "COLD"}, 400, "InvalidStorageClass"),
        ({"StorageClass": "OUTPOSTS"}, 400, "InvalidStorageClass"),
    ],
)
def test_encryption_and_storage_that_cannot_be_are_refused(s3, bucket, asked, status, code):
    for call in (s3.put_object, s3.create_multipart_upload):
        assert refused(call, Bucket=bucket, Key="a", **asked) == (status, code)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_the_encryption_context_of_a_write_is_needed_for_its_reads(sandbox, s3, bucket, key):
    context = base64.b64encode(json.dumps({"a": "b"}).encode()).decode()
    asked = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key, "SSEKMSEncryptionContext": context}
    s3.put_object(Bucket=bucket, Key="a", Body=b"1", **asked)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"
    wrong = asked | {"SSEKMSEncryptionContext": "no base64"}
    assert refused(s3.put_object, Bucket=bucket, Key="a", Body=b"2", **wrong) == (400, "InvalidArgument")


def test_reading_takes_no_encryption_header(sandbox, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    s3.meta.events.register(
        "before-sign.s3.GetObject", lambda request, **_: request.headers.add_header("x-amz-server-side-encryption", "AES256")
    )
    assert refused(s3.get_object, Bucket=bucket, Key="a") == (400, "InvalidArgument")


def test_archived_bytes_are_not_read_before_they_are_restored(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"1", StorageClass="GLACIER")
    assert s3.head_object(Bucket=bucket, Key="a")["StorageClass"] == "GLACIER"
    assert refused(s3.get_object, Bucket=bucket, Key="a") == (403, "InvalidObjectState")


def test_head_counts_the_tags(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"1", Tagging="a=1&b=2")
    assert s3.head_object(Bucket=bucket, Key="a")["TagCount"] == 2
