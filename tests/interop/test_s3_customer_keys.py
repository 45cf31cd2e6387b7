"""SSE-C as boto3 sees it: an object that a key of the customer's encrypts, and its key with every request."""

import base64
import hashlib
import json
import os
import urllib.request

import pytest
from botocore.exceptions import ClientError

KEY = os.urandom(32)
OTHER = os.urandom(32)
MIB = 1 << 20


def customer(key=KEY, of=""):
    return {f"{of}SSECustomerAlgorithm": "AES256", f"{of}SSECustomerKey": key}


def source(key=KEY):
    return customer(key, "CopySource")


def written(key=KEY):
    """As it travels, for operations where botocore leaves it as it is given."""
    digest = base64.b64encode(hashlib.md5(key).digest()).decode()
    return customer(base64.b64encode(key).decode()) | {"SSECustomerKeyMD5": digest}


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    said = caught.value.response
    return said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Code"]


@pytest.fixture
def s3(sandbox):
    return sandbox.client("s3")


def blocked(s3, bucket, kind=None):
    if kind:
        rule = {"BlockedEncryptionTypes": {"EncryptionType": [kind]}}
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    [rule] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    return rule["BlockedEncryptionTypes"]["EncryptionType"]


@pytest.fixture
def mine(s3, bucket):
    """A bucket that takes SSE-C."""
    assert blocked(s3, bucket, "NONE") == ["NONE"]
    return bucket


def read(s3, bucket, key, **more):
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def test_a_new_bucket_takes_no_customers_keys_until_it_is_told_to(s3, bucket):
    assert blocked(s3, bucket) == ["SSE-C"]
    put = {"Bucket": bucket, "Key": "k", "Body": b"x"} | customer()
    assert refusal(s3.put_object, **put) == (403, "AccessDenied")
    assert refusal(s3.create_multipart_upload, Bucket=bucket, Key="k", **customer()) == (403, "AccessDenied")
    # A default encryption that says nothing of it leaves it as it is.
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [default]})
    assert blocked(s3, bucket) == ["SSE-C"]
    assert blocked(s3, bucket, "NONE") == ["NONE"]
    s3.put_object(**put)
    # What is there stays readable.
    assert blocked(s3, bucket, "SSE-C") == ["SSE-C"]
    assert read(s3, bucket, "k", **customer()) == b"x"
    assert refusal(s3.put_object, **put) == (403, "AccessDenied")


def test_an_object_is_read_with_its_key_alone(s3, mine):
    body = os.urandom(200_000)
    put = s3.put_object(Bucket=mine, Key="k", Body=body, **customer())
    assert put["SSECustomerAlgorithm"] == "AES256" and "ServerSideEncryption" not in put
    assert put["ETag"].strip('"') != hashlib.md5(body).hexdigest()
    asked = {"Bucket": mine, "Key": "k"}
    for call in (s3.get_object, s3.head_object):
        said = call(**asked, **customer())
        assert said["SSECustomerKeyMD5"] == put["SSECustomerKeyMD5"] and said["ETag"] == put["ETag"]
        assert said["ContentLength"] == len(body) and "ServerSideEncryption" not in said
    assert read(s3, mine, "k", **customer()) == body
    assert read(s3, mine, "k", Range="bytes=65530-131080", **customer()) == body[65530:131081]
    assert read(s3, mine, "k", IfMatch=put["ETag"], **customer()) == body
    assert refusal(s3.get_object, **asked, IfNoneMatch=put["ETag"], **customer()) == (304, "304")
    assert refusal(s3.get_object, **asked) == (400, "InvalidRequest")
    assert refusal(s3.get_object, **asked, **customer(OTHER)) == (403, "AccessDenied")
    assert refusal(s3.head_object, **asked) == (400, "400")
    assert refusal(s3.head_object, **asked, **customer(OTHER)) == (403, "403")
    attributes = {"ObjectAttributes": ["ETag", "ObjectSize"]}
    assert refusal(s3.get_object_attributes, **asked, **attributes) == (400, "InvalidRequest")
    assert s3.get_object_attributes(**asked, **attributes, **written())["ObjectSize"] == len(body)
    wrong = written() | {"SSECustomerKeyMD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert refusal(s3.get_object, **asked, **wrong) == (400, "InvalidArgument")
    # Neither its tags nor its end need a key.
    s3.put_object_tagging(**asked, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object(**asked)
    assert refusal(s3.get_object, **asked, **customer()) == (404, "NoSuchKey")


def test_a_key_is_not_for_an_object_that_has_none_nor_beside_another_encryption(s3, mine):
    s3.put_object(Bucket=mine, Key="plain", Body=b"x")
    assert refusal(s3.get_object, Bucket=mine, Key="plain", **customer()) == (400, "InvalidRequest")
    put = {"Bucket": mine, "Key": "k", "Body": b"x"} | customer()
    for other in ("AES256", "aws:kms"):
        assert refusal(s3.put_object, **put, ServerSideEncryption=other) == (400, "InvalidArgument")
    assert refusal(s3.put_object, **put | {"SSECustomerAlgorithm": "AES192"}) == (400, "InvalidEncryptionAlgorithmError")
    assert refusal(s3.put_object, **put | {"SSECustomerKey": b"short"}) == (400, "InvalidArgument")


def test_a_default_of_the_bucket_stands_back(s3, sandbox, mine):
    key = sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=mine, ServerSideEncryptionConfiguration={"Rules": [default]})
    assert blocked(s3, mine) == ["NONE"]
    said = s3.put_object(Bucket=mine, Key="k", Body=b"x", **customer())
    assert "SSEKMSKeyId" not in said and "ServerSideEncryption" not in said
    assert read(s3, mine, "k", **customer()) == b"x"


def test_copies_change_keys_and_lose_them(s3, mine):
    body = os.urandom(70_000)
    s3.put_object(Bucket=mine, Key="k", Body=body, **customer())
    copy = {"Bucket": mine, "CopySource": {"Bucket": mine, "Key": "k"}}
    assert refusal(s3.copy_object, **copy, Key="c") == (400, "InvalidRequest")
    assert refusal(s3.copy_object, **copy, Key="c", **source(OTHER)) == (403, "AccessDenied")
    plain = s3.copy_object(**copy, Key="plain", **source())
    assert plain["ServerSideEncryption"] == "AES256"
    assert plain["CopyObjectResult"]["ETag"].strip('"') == hashlib.md5(body).hexdigest()
    assert read(s3, mine, "plain") == body
    for key in (KEY, OTHER):
        s3.copy_object(**copy, Key="sealed", **source(), **customer(key))
        assert read(s3, mine, "sealed", **customer(key)) == body
    assert refusal(s3.get_object, Bucket=mine, Key="sealed", **customer()) == (403, "AccessDenied")
    # Onto itself, with another key: that is a change.
    s3.copy_object(**copy, Key="k", **source(), **customer(OTHER))
    assert read(s3, mine, "k", **customer(OTHER)) == body
    back = {"Bucket": mine, "CopySource": {"Bucket": mine, "Key": "plain"}}
    s3.copy_object(**back, Key="again", **customer())
    assert read(s3, mine, "again", **customer()) == body


def test_versions_have_keys_of_their_own(s3, mine):
    s3.put_bucket_versioning(Bucket=mine, VersioningConfiguration={"Status": "Enabled"})
    one = s3.put_object(Bucket=mine, Key="k", Body=b"one", **customer())["VersionId"]
    two = s3.put_object(Bucket=mine, Key="k", Body=b"two", **customer(OTHER))["VersionId"]
    assert read(s3, mine, "k", VersionId=one, **customer()) == b"one"
    assert read(s3, mine, "k", VersionId=two, **customer(OTHER)) == b"two"
    assert refusal(s3.get_object, Bucket=mine, Key="k", VersionId=one, **customer(OTHER)) == (403, "AccessDenied")


def test_an_upload_in_parts_has_one_key(s3, mine):
    s3.put_object(Bucket=mine, Key="source", Body=os.urandom(5 * MIB), **customer(OTHER))
    first = read(s3, mine, "source", **customer(OTHER))
    upload = {"Bucket": mine, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ChecksumAlgorithm="CRC32", **customer())["UploadId"]
    assert refusal(s3.upload_part, **upload, PartNumber=1, Body=b"x") == (400, "InvalidRequest")
    assert refusal(s3.upload_part, **upload, PartNumber=1, Body=b"x", **customer(OTHER)) == (400, "InvalidRequest")
    copied = s3.upload_part_copy(
        **upload, PartNumber=1, CopySource={"Bucket": mine, "Key": "source"}, **source(OTHER), **customer()
    )
    part = s3.upload_part(**upload, PartNumber=2, Body=b"end", **customer())
    assert part["SSECustomerKeyMD5"] == copied["SSECustomerKeyMD5"]
    assert part["ETag"].strip('"') != hashlib.md5(b"end").hexdigest()
    results = enumerate((copied["CopyPartResult"], part), 1)
    parts = [{"PartNumber": n} | {k: r[k] for k in ("ETag", "ChecksumCRC32")} for n, r in results]
    whole = {"MultipartUpload": {"Parts": parts}}
    assert refusal(s3.complete_multipart_upload, **upload, **whole) == (400, "InvalidRequest")
    s3.complete_multipart_upload(**upload, **whole, **customer())
    assert read(s3, mine, "k", **customer()) == first + b"end"
    edge = f"bytes={5 * MIB - 2}-"
    assert read(s3, mine, "k", Range=edge, **customer()) == first[-2:] + b"end"
    assert read(s3, mine, "k", PartNumber=2, **customer()) == b"end"
    assert refusal(s3.get_object, **{"Bucket": mine, "Key": "k"}) == (400, "InvalidRequest")


def test_a_key_is_not_for_an_upload_that_has_none(s3, mine):
    upload = {"Bucket": mine, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    assert refusal(s3.upload_part, **upload, PartNumber=1, Body=b"x", **customer()) == (400, "InvalidRequest")
    assert refusal(s3.list_parts, **upload, **written()) == (400, "InvalidRequest")
    assert "Parts" not in s3.list_parts(**upload)


@pytest.mark.parametrize("named", [{}, {"ChecksumAlgorithm": "CRC32"}], ids=["plain", "with checksums"])
def test_parts_are_listed_with_the_key_of_their_upload(s3, mine, named):
    upload = {"Bucket": mine, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **named, **customer())["UploadId"]
    s3.upload_part(**upload, PartNumber=1, Body=b"x", **customer())
    assert [part["Size"] for part in s3.list_parts(**upload, **written())["Parts"]] == [1]
    assert refusal(s3.list_parts, **upload, **written(OTHER)) == (400, "InvalidRequest")
    half = {name: value for name, value in written().items() if name != "SSECustomerKeyMD5"}
    assert refusal(s3.list_parts, **upload, **half) == (400, "InvalidArgument")
    # It need be there only for checksums that the client named.
    if named:
        assert refusal(s3.list_parts, **upload) == (400, "InvalidRequest")
    else:
        assert len(s3.list_parts(**upload)["Parts"]) == 1


def test_a_presigned_url_wants_its_headers(s3, mine):
    put = s3.put_object(Bucket=mine, Key="k", Body=b"signed", **customer())
    url = s3.generate_presigned_url("get_object", {"Bucket": mine, "Key": "k"} | customer())
    headers = {
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "x-amz-server-side-encryption-customer-key": base64.b64encode(KEY).decode(),
        "x-amz-server-side-encryption-customer-key-MD5": put["SSECustomerKeyMD5"],
    }
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        assert answer.read() == b"signed"


def test_a_policy_may_ask_for_it(s3, mine):
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{mine}/*",
        "Condition": {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "true"}},
    }
    s3.put_bucket_policy(Bucket=mine, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    assert refusal(s3.put_object, Bucket=mine, Key="k", Body=b"x") == (403, "AccessDenied")
    s3.put_object(Bucket=mine, Key="k", Body=b"x", **customer())
