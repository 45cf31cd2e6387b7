"""S3's rules about conditions, encryption and owners: what AWS refuses is refused in its words."""

import base64
import json

import pytest
from botocore.exceptions import ClientError
from conftest import World, _sandbox, _stopped
from s3raw import answered, refused, signed


@pytest.fixture
def s3(sandbox):
    return sandbox.client("s3")


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

    blocked = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    assert rule() == default | blocked
    asked = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        "BucketKeyEnabled": True,
    }
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [asked]})
    assert rule() == asked | blocked
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


def test_every_answer_names_its_request(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"1")["ResponseMetadata"]
    assert put["RequestId"] and put["HostId"] and put["HTTPHeaders"]["x-amz-request-id"] == put["RequestId"]
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="none")
    said = error.value.response
    assert said["Error"]["Message"] == "The specified key does not exist."
    assert said["ResponseMetadata"]["RequestId"] == said["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]
    assert said["ResponseMetadata"]["HostId"]


@pytest.mark.parametrize(
    "given, kept",
    [
        ("gzip, br", "gzip, br"),
        ("gzip,br", "gzip,br"),
        ("aws-chunked", None),
        ("aws-chunked, gzip", "gzip"),
        ("gzip,aws-chunked", "gzip"),
    ],
)
def test_a_content_encoding_is_kept_as_it_was_sent(s3, bucket, given, kept):
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", ContentEncoding=given)
    assert s3.head_object(Bucket=bucket, Key="k").get("ContentEncoding") == kept


def test_a_bucket_and_its_objects_are_their_owners_alone(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    owner = s3.list_buckets()["Owner"]["ID"]
    for acl in [s3.get_bucket_acl(Bucket=bucket), s3.get_object_acl(Bucket=bucket, Key="k")]:
        assert acl["Owner"]["ID"] == owner
        assert acl["Grants"] == [{"Grantee": {"ID": owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]
    assert refused(s3.get_object_acl, Bucket=bucket, Key="none") == (404, "NoSuchKey")
    assert refused(s3.get_bucket_acl, Bucket=bucket + "-none") == (404, "NoSuchBucket")
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="private") == (501, "NotImplemented")


def test_names_that_xml_cannot_carry_come_back_in_every_listing(s3, bucket):
    key = "p/\x08 \x1f\r+&é"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    encoded = "p/%08%20%1F%0D%2B%26%C3%A9"
    # What S3 writes is no XML 1.0: boto3 cannot read it, here or there.
    request = signed(s3, f"{s3.meta.endpoint_url}/{bucket}/{encoded}?uploads", "POST", b"")
    assert answered(request.url, b"", "POST", **dict(request.headers.items()))[0] == 200
    for query in ["", "list-type=2", "versions", "uploads"]:
        for more, shown in [("", "p/&#x8; &#x1f;&#xd;+&amp;é"), ("encoding-type=url", encoded)]:
            asked = "&".join(part for part in [query, more] if part)
            request = signed(s3, f"{s3.meta.endpoint_url}/{bucket}?{asked}", "GET")
            status, said = answered(request.url, **dict(request.headers.items()))
            assert (status, f"<Key>{shown}</Key>" in said.decode()) == (200, True), said
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "bytes=4-2", "bytes=x", "bytes=-", "lines=0-1", "bytes=0-1;", "-"])
def test_what_is_no_range_is_answered_with_the_whole_object(sandbox, s3, bucket, asked):
    key = "a b/é+%"
    put = s3.put_object(Bucket=bucket, Key=key, Body=b"0123456789")
    one = {"Bucket": bucket, "Key": key, "Range": asked}
    got = s3.get_object(**one)
    assert (got["Body"].read(), got["ETag"], got.get("ContentRange")) == (b"0123456789", put["ETag"], None)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.head_object(**one)["ContentLength"] == 10
    for client in [s3, sandbox.client("s3", signature_version="s3")]:
        url = client.generate_presigned_url("get_object", one)
        assert answered(url, Range=asked) == (200, b"0123456789")
        status, said = answered(url + "&versionId=null", Range=asked)
        assert (status, b"<Code>SignatureDoesNotMatch</Code>" in said) == (403, True)
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key})
    assert answered(url, Range=asked) == (200, b"0123456789")
    assert refused(s3.get_object, **{**one, "Key": "none"}) == (404, "NoSuchKey")
    assert refused(s3.get_object, **one, IfNoneMatch="*", IfMatch='"other"') == (412, "PreconditionFailed")
    wrong = {"AccessKeyId": s3._request_signer._credentials.access_key, "SecretAccessKey": "x", "SessionToken": None}
    assert refused(sandbox.client("s3", wrong).get_object, **one) == (403, "SignatureDoesNotMatch")
    assert s3.get_object(**{**one, "Range": "bytes=2-3"})["Body"].read() == b"23"
    assert refused(s3.get_object, **{**one, "Range": "bytes=10-"}) == (416, "InvalidRange")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert refused(s3.get_object, **one) == (403, "AccessDenied")


def test_an_object_whose_file_is_gone_is_an_error_and_not_half_an_answer(tmp_path):
    process = _sandbox(tmp_path, "--empty", "--dir", str(tmp_path / "world"))
    try:
        said = json.loads(process.stdout.readline())
        keys = said["AWS_ACCESS_KEY_ID"], said["AWS_SECRET_ACCESS_KEY"]
        s3 = World(said["AWS_ENDPOINT_URL"], *keys, said["AWS_DEFAULT_REGION"]).client("s3")
        s3.create_bucket(Bucket="damaged")
        s3.put_object(Bucket="damaged", Key="k", Body=b"0123456789")
        [file] = (tmp_path / "world" / "objects").iterdir()
        file.write_bytes(b"01234")
        assert s3.get_object(Bucket="damaged", Key="k", Range="bytes=1-3")["Body"].read() == b"123"
        assert refused(s3.get_object, Bucket="damaged", Key="k") == (500, "InternalError")
        file.unlink()
        with pytest.raises(ClientError, match=file.name):
            s3.get_object(Bucket="damaged", Key="k", Range="bytes=1-3")
        assert s3.head_object(Bucket="damaged", Key="k")["ContentLength"] == 10
    finally:
        _stopped(process)


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([{"Expiration": {"ExpiredObjectDeleteMarker": True}, "Filter": {"Tag": {"Key": "a", "Value": "b"}}}], "InvalidRequest"),
        ([{"Expiration": {"ExpiredObjectDeleteMarker": True}, "Filter": {"ObjectSizeLessThan": 5}}], "InvalidRequest"),
        ([{"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}, "Filter": {"ObjectSizeLessThan": 5}}], "InvalidRequest"),
        (
            [{"Expiration": {"Days": 1}, "Filter": {"And": {"ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 5}}}],
            "InvalidRequest",
        ),
        ([{"Expiration": {"Days": 1}, "Filter": {}}, {"Expiration": {"Days": 1}, "Prefix": "a"}], "InvalidRequest"),
        ([{"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}, "Filter": {}}], "MalformedXML"),
        ([{"Expiration": {"Days": 1}}], "MalformedXML"),
        ([{"Filter": {}}], "InvalidRequest"),
        ([{"Expiration": {"Days": 0}, "Filter": {}}], "InvalidArgument"),
        ([], "MalformedXML"),
    ],
)
def test_lifecycle_rules_that_contradict_themselves_are_refused(s3, bucket, rules, code):
    rules = [rule | {"Status": "Enabled"} for rule in rules]
    asked = {"Bucket": bucket, "LifecycleConfiguration": {"Rules": rules}}
    assert refused(s3.put_bucket_lifecycle_configuration, **asked) == (400, code)
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == (404, "NoSuchLifecycleConfiguration")
