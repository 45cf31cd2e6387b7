"""Object lock as boto3 sees it: versions that nobody removes, until their time has come or who may says so."""

import datetime
import json
import uuid

import pytest
from botocore.exceptions import ClientError

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    said = caught.value.response
    return said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Code"]


DENIED = (403, "AccessDenied")


def until(days):
    return NOW + days * DAY


def keep(days, mode="GOVERNANCE"):
    return {"Mode": mode, "RetainUntilDate": until(days)}


def headers(days, mode="GOVERNANCE"):
    return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until(days)}


@pytest.fixture
def s3(sandbox):
    return sandbox.client("s3")


@pytest.fixture
def locked(s3):
    """A bucket with object lock."""
    name = f"locked-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def put(s3, bucket, key="k", **more):
    """A version, as later requests name it."""
    version = s3.put_object(Bucket=bucket, Key=key, Body=b"x", **more)["VersionId"]
    return {"Bucket": bucket, "Key": key, "VersionId": version}


def default(s3, bucket, **period):
    rule = {"DefaultRetention": period}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    return s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)


def test_a_bucket_with_object_lock_keeps_versions_for_good(s3, locked, bucket):
    lock = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert lock == {"ObjectLockEnabled": "Enabled"}
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    suspended = {"VersioningConfiguration": {"Status": "Suspended"}}
    assert refusal(s3.put_bucket_versioning, Bucket=locked, **suspended) == (409, "InvalidBucketState")
    # Another one has none until it keeps versions and is told to.
    nothing = refusal(s3.get_object_lock_configuration, Bucket=bucket)
    assert nothing == (404, "ObjectLockConfigurationNotFoundError")
    asked = {"Bucket": bucket, "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
    assert refusal(s3.put_object_lock_configuration, **asked) == (409, "InvalidBucketState")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(**asked)
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == lock


def test_a_bucket_without_it_locks_nothing(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    one = {"Bucket": bucket, "Key": "k"}
    assert refusal(s3.put_object_retention, **one, Retention=keep(1)) == (400, "InvalidRequest")
    assert refusal(s3.put_object_legal_hold, **one, LegalHold={"Status": "ON"}) == (400, "InvalidRequest")
    assert refusal(s3.get_object_retention, **one) == (400, "InvalidRequest")
    assert refusal(s3.get_object_legal_hold, **one) == (400, "InvalidRequest")
    assert refusal(s3.put_object, **one, Body=b"y", **headers(1)) == (400, "InvalidRequest")
    assert refusal(s3.delete_object, **one, BypassGovernanceRetention=True) == (400, "InvalidArgument")
    assert s3.get_object(**one)["Body"].read() == b"x"


@pytest.mark.parametrize(
    ("period", "code"),
    [
        ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
        ({"Mode": "GOVERNANCE"}, "MalformedXML"),
        ({"Mode": "governance", "Days": 1}, "MalformedXML"),
        ({"Days": 1}, "MalformedXML"),
        ({"Mode": "COMPLIANCE", "Days": 0}, "InvalidArgument"),
        ({"Mode": "COMPLIANCE", "Years": 101}, "InvalidArgument"),
    ],
)
def test_a_default_is_a_mode_and_one_period(s3, locked, period, code):
    assert refusal(default, s3=s3, bucket=locked, **period) == (400, code)


def test_a_default_locks_what_says_nothing_itself(s3, locked):
    before = put(s3, locked, "before")
    default(s3, locked, Mode="GOVERNANCE", Days=2)
    one = put(s3, locked)
    said = s3.head_object(**one)
    assert said["ObjectLockMode"] == "GOVERNANCE"
    assert said["ObjectLockRetainUntilDate"].replace(microsecond=0) == said["LastModified"] + 2 * DAY
    assert refusal(s3.delete_object, **one) == DENIED
    own = put(s3, locked, **headers(9, "COMPLIANCE"))
    assert s3.get_object_retention(**own)["Retention"] == keep(9, "COMPLIANCE")
    copied = s3.copy_object(Bucket=locked, Key="copy", CopySource={"Bucket": locked, "Key": "k"})
    copy = {"Bucket": locked, "Key": "copy", "VersionId": copied["VersionId"]}
    assert s3.get_object_retention(**copy)["Retention"]["Mode"] == "GOVERNANCE"
    s3.delete_object(**before)


def test_governance_gives_way_to_who_may_bypass_it(s3, locked):
    one = put(s3, locked, **headers(5))
    assert refusal(s3.delete_object, **one) == DENIED
    assert refusal(s3.put_object_retention, **one, Retention=keep(4)) == DENIED
    assert refusal(s3.put_object_retention, **one, Retention=keep(9, "COMPLIANCE")) == DENIED
    s3.put_object_retention(**one, Retention=keep(6))
    s3.put_object_retention(**one, Retention=keep(1), BypassGovernanceRetention=True)
    assert s3.get_object_retention(**one)["Retention"] == keep(1)
    s3.delete_object(**one, BypassGovernanceRetention=True)
    assert refusal(s3.head_object, **one) == (404, "404")
    free = put(s3, locked, **headers(5))
    s3.put_object_retention(**free, Retention={}, BypassGovernanceRetention=True)
    assert refusal(s3.get_object_retention, **free) == (404, "NoSuchObjectLockConfiguration")
    s3.delete_object(**free)


def test_compliance_gives_way_to_nobody(s3, locked):
    one = put(s3, locked, **headers(5, "COMPLIANCE"))
    bypass = {"BypassGovernanceRetention": True}
    assert refusal(s3.delete_object, **one, **bypass) == DENIED
    for other in (keep(4, "COMPLIANCE"), keep(9), {}):
        assert refusal(s3.put_object_retention, **one, Retention=other, **bypass) == DENIED
    s3.put_object_retention(**one, Retention=keep(6, "COMPLIANCE"))
    # A marker hides it, and goes again.
    marker = s3.delete_object(Bucket=locked, Key="k")["VersionId"]
    assert refusal(s3.get_object_retention, Bucket=locked, Key="k") == (405, "MethodNotAllowed")
    s3.delete_object(Bucket=locked, Key="k", VersionId=marker)
    assert s3.get_object(Bucket=locked, Key="k")["Body"].read() == b"x"


def test_a_legal_hold_is_apart_from_retention(s3, locked):
    one = put(s3, locked, ObjectLockLegalHoldStatus="ON")
    assert s3.head_object(**one)["ObjectLockLegalHoldStatus"] == "ON"
    assert refusal(s3.delete_object, **one, BypassGovernanceRetention=True) == DENIED
    assert refusal(s3.put_object_legal_hold, **one, LegalHold={"Status": "on"}) == (400, "MalformedXML")
    s3.put_object_legal_hold(**one, LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(**one)["LegalHold"] == {"Status": "OFF"}
    s3.delete_object(**one)
    plain = put(s3, locked)
    assert refusal(s3.get_object_legal_hold, **plain) == (404, "NoSuchObjectLockConfiguration")


def test_of_many_the_locked_ones_stay(s3, locked):
    one, other = put(s3, locked, "one", **headers(5)), put(s3, locked, "other")
    named = [{key: version[key] for key in ("Key", "VersionId")} for version in (one, other)]
    done = s3.delete_objects(Bucket=locked, Delete={"Objects": named})
    assert [gone["Key"] for gone in done["Deleted"]] == ["other"]
    assert [(wrong["Key"], wrong["Code"]) for wrong in done["Errors"]] == [("one", "AccessDenied")]
    done = s3.delete_objects(Bucket=locked, Delete={"Objects": named[:1]}, BypassGovernanceRetention=True)
    assert [gone["Key"] for gone in done["Deleted"]] == ["one"]


def test_an_upload_in_parts_is_locked_as_it_was_begun(s3, locked):
    upload = {"Bucket": locked, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ObjectLockLegalHoldStatus="ON", **headers(5))["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=b"x")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    version = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})["VersionId"]
    said = s3.head_object(Bucket=locked, Key="k", VersionId=version)
    assert (said["ObjectLockMode"], said["ObjectLockLegalHoldStatus"]) == ("GOVERNANCE", "ON")
    assert refusal(s3.delete_object, Bucket=locked, Key="k", VersionId=version) == DENIED


@pytest.mark.parametrize(
    "asked",
    [
        {"ObjectLockMode": "GOVERNANCE"},
        {"ObjectLockRetainUntilDate": until(1)},
        {"ObjectLockMode": "governance", "ObjectLockRetainUntilDate": until(1)},
        {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until(-1)},
        {"ObjectLockLegalHoldStatus": "on"},
    ],
)
def test_what_is_asked_for_wrongly_writes_nothing(s3, locked, asked):
    assert refusal(s3.put_object, Bucket=locked, Key="k", Body=b"x", **asked) == (400, "InvalidArgument")
    assert refusal(s3.create_multipart_upload, Bucket=locked, Key="k", **asked) == (400, "InvalidArgument")
    assert "Versions" not in s3.list_object_versions(Bucket=locked)


def test_who_may_not_bypass_does_not(s3, locked):
    one = put(s3, locked, **headers(5))
    everybody = {"Effect": "Deny", "Principal": "*", "Resource": f"arn:aws:s3:::{locked}/*"}
    deny = everybody | {"Action": "s3:BypassGovernanceRetention"}
    long = {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}}
    short = everybody | {"Action": "s3:PutObjectRetention", "Condition": long}
    policy = {"Version": "2012-10-17", "Statement": [deny, short]}
    s3.put_bucket_policy(Bucket=locked, Policy=json.dumps(policy))
    assert refusal(s3.delete_object, **one, BypassGovernanceRetention=True) == DENIED
    assert refusal(s3.put_object_retention, **one, Retention=keep(1), BypassGovernanceRetention=True) == DENIED
    assert refusal(s3.put_object_retention, **one, Retention=keep(20)) == DENIED
    s3.put_object_retention(**one, Retention=keep(9))
