"""Buckets that keep versions, as boto3 sees them."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError

KEY = "weights.bin"


def refusal(call, **arguments):
    """The error of a call that must fail: status, code, headers."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    said = caught.value.response
    return said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Code"], said["ResponseMetadata"]["HTTPHeaders"]


def turn(s3, bucket, status):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def put(s3, bucket, text, key=KEY):
    return s3.put_object(Bucket=bucket, Key=key, Body=text).get("VersionId")


def text(s3, bucket, version=None, key=KEY):
    which = {"VersionId": version} if version else {}
    return s3.get_object(Bucket=bucket, Key=key, **which)["Body"].read().decode()


@pytest.fixture
def s3(sandbox):
    return sandbox.client("s3")


@pytest.fixture
def kept(s3, bucket):
    """A bucket that keeps versions."""
    turn(s3, bucket, "Enabled")
    return bucket


class TestSwitching:
    def test_a_bucket_keeps_versions_when_told_so_and_says_nothing_of_them_before(self, s3, bucket):
        assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
        assert put(s3, bucket, "plain") is None
        assert "VersionId" not in s3.head_object(Bucket=bucket, Key=KEY)
        assert text(s3, bucket, "null") == "plain"
        turn(s3, bucket, "Enabled")
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        assert s3.head_object(Bucket=bucket, Key=KEY)["VersionId"] == "null"
        new = put(s3, bucket, "second")
        assert len(new) == 32 and s3.head_object(Bucket=bucket, Key=KEY)["VersionId"] == new
        assert (text(s3, bucket), text(s3, bucket, "null")) == ("second", "plain")
        turn(s3, bucket, "Suspended")
        assert put(s3, bucket, "third") is None
        assert (text(s3, bucket), text(s3, bucket, "null"), text(s3, bucket, new)) == ("third", "third", "second")

    @pytest.mark.parametrize(
        "configuration, status, code",
        [
            ({"Status": "enabled"}, 400, "MalformedXML"),
            ({"Status": "Disabled"}, 400, "MalformedXML"),
            ({}, 400, "IllegalVersioningConfigurationException"),
            ({"Status": "Enabled", "MFADelete": "Enabled"}, 501, "NotImplemented"),
        ],
    )
    def test_what_is_no_setting_is_refused_and_changes_nothing(self, s3, bucket, configuration, status, code):
        said = refusal(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=configuration)
        assert said[:2] == (status, code)
        assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)


class TestDeleting:
    def test_a_deletion_leaves_a_marker_that_hides_the_versions_below_it(self, s3, kept):
        version = put(s3, kept, "one")
        gone = s3.delete_object(Bucket=kept, Key=KEY)
        assert gone["DeleteMarker"] is True
        marker = gone["VersionId"]
        status, code, headers = refusal(s3.get_object, Bucket=kept, Key=KEY)
        assert (status, code) == (404, "NoSuchKey")
        assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker)
        status, code, headers = refusal(s3.get_object, Bucket=kept, Key=KEY, VersionId=marker)
        assert (status, code, headers["allow"]) == (405, "MethodNotAllowed", "DELETE")
        assert headers["x-amz-delete-marker"] == "true" and headers["last-modified"].endswith("GMT")
        assert refusal(s3.head_object, Bucket=kept, Key=KEY, VersionId=marker)[0] == 405
        assert text(s3, kept, version) == "one"
        assert "Contents" not in s3.list_objects_v2(Bucket=kept)
        undone = s3.delete_object(Bucket=kept, Key=KEY, VersionId=marker)
        assert (undone["DeleteMarker"], undone["VersionId"]) == (True, marker)
        assert text(s3, kept) == "one"
        assert "DeleteMarker" not in s3.delete_object(Bucket=kept, Key=KEY, VersionId=version)
        assert refusal(s3.get_object, Bucket=kept, Key=KEY, VersionId=version)[:2] == (404, "NoSuchVersion")

    def test_where_versions_are_suspended_the_marker_takes_the_null_versions_place(self, s3, kept):
        old = put(s3, kept, "old")
        turn(s3, kept, "Suspended")
        put(s3, kept, "null")
        gone = s3.delete_object(Bucket=kept, Key=KEY)
        assert (gone["DeleteMarker"], gone["VersionId"]) == (True, "null")
        page = s3.list_object_versions(Bucket=kept)
        assert [(one["VersionId"], one["IsLatest"]) for one in page["DeleteMarkers"]] == [("null", True)]
        assert [(one["VersionId"], one["IsLatest"]) for one in page["Versions"]] == [(old, False)]

    def test_many_are_deleted_each_by_its_version_or_by_a_marker(self, s3, kept):
        one, two = put(s3, kept, "1", "a"), put(s3, kept, "2", "a")
        keys = [{"Key": "a"}, {"Key": "a", "VersionId": one}, {"Key": "a", "VersionId": "nonsense"}]
        done = s3.delete_objects(Bucket=kept, Delete={"Objects": keys})
        made, removed = done["Deleted"]
        assert made["DeleteMarker"] and "VersionId" not in made
        assert removed == {"Key": "a", "VersionId": one}
        assert [(e["Code"], e["VersionId"]) for e in done["Errors"]] == [("InvalidArgument", "nonsense")]
        marker = made["DeleteMarkerVersionId"]
        keys = [{"Key": "a", "VersionId": marker}, {"Key": "a", "VersionId": one}]
        done = s3.delete_objects(Bucket=kept, Delete={"Objects": keys})
        assert done["Deleted"] == [
            {"Key": "a", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker}
        ]
        assert [e["Code"] for e in done["Errors"]] == ["NoSuchVersion"]
        assert text(s3, kept, two, "a") == "2"

    def test_a_bucket_goes_when_its_last_version_and_marker_are_gone(self, s3, kept):
        put(s3, kept, "one")
        s3.delete_object(Bucket=kept, Key=KEY)
        assert refusal(s3.delete_bucket, Bucket=kept)[:2] == (409, "BucketNotEmpty")
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=kept, PaginationConfig={"PageSize": 1})
        for page in pages:
            for row in page.get("Versions", []) + page.get("DeleteMarkers", []):
                s3.delete_object(Bucket=kept, Key=row["Key"], VersionId=row["VersionId"])
        s3.delete_bucket(Bucket=kept)


class TestListing:
    def test_versions_are_listed_by_key_and_then_from_the_newest_with_markers_among_them(self, s3, kept):
        for name in ("test_0", "test_1", "test_2"):
            put(s3, kept, "1", name)
            s3.delete_object(Bucket=kept, Key=name)
        last = put(s3, kept, "2", "test_0")
        page = s3.list_object_versions(Bucket=kept, MaxKeys=4)
        assert [(v["Key"], v["IsLatest"]) for v in page["Versions"]] == [("test_0", True), ("test_0", False)]
        assert [(m["Key"], m["IsLatest"]) for m in page["DeleteMarkers"]] == [("test_0", False), ("test_1", True)]
        assert page["Versions"][0]["VersionId"] == last
        assert (page["IsTruncated"], page["NextKeyMarker"]) == (True, "test_1")
        rest = s3.list_object_versions(
            Bucket=kept, KeyMarker=page["NextKeyMarker"], VersionIdMarker=page["NextVersionIdMarker"]
        )
        assert [v["Key"] for v in rest["Versions"]] == ["test_1", "test_2"]
        assert s3.list_object_versions(Bucket=kept, KeyMarker="test_1")["Versions"][0]["Key"] == "test_2"
        alone = refusal(s3.list_object_versions, Bucket=kept, VersionIdMarker=last)
        assert alone[:2] == (400, "InvalidArgument")

    def test_a_common_prefix_stands_for_all_versions_below_it(self, s3, kept):
        for _ in range(3):
            put(s3, kept, "x", "folder/ä b")
            put(s3, kept, "x", "folder file")
        page = s3.list_object_versions(Bucket=kept, Delimiter="/", MaxKeys=4)
        assert [p["Prefix"] for p in page["CommonPrefixes"]] == ["folder/"]
        assert [v["Key"] for v in page["Versions"]] == ["folder file"] * 3
        first = s3.list_object_versions(Bucket=kept, Delimiter="/", Prefix="folder", MaxKeys=3)
        assert (first["IsTruncated"], first["NextKeyMarker"]) == (True, "folder file")
        assert len(s3.list_object_versions(Bucket=kept, Prefix="folder/ä")["Versions"]) == 3


class TestReading:
    def test_tags_belong_to_a_version_and_a_marker_has_none(self, s3, kept):
        tagged = {"TagSet": [{"Key": "k", "Value": "v"}]}
        old, new = put(s3, kept, "old"), put(s3, kept, "new")
        said = s3.put_object_tagging(Bucket=kept, Key=KEY, VersionId=old, Tagging=tagged)
        assert said["VersionId"] == old
        assert s3.get_object_tagging(Bucket=kept, Key=KEY, VersionId=old)["TagSet"] == tagged["TagSet"]
        current = s3.get_object_tagging(Bucket=kept, Key=KEY)
        assert (current["TagSet"], current["VersionId"]) == ([], new)
        assert s3.delete_object_tagging(Bucket=kept, Key=KEY, VersionId=old)["VersionId"] == old
        s3.delete_object(Bucket=kept, Key=KEY)
        assert refusal(s3.get_object_tagging, Bucket=kept, Key=KEY)[:2] == (405, "MethodNotAllowed")

    def test_an_older_version_is_restored_by_copying_it_over_the_current_one(self, s3, kept):
        old = put(s3, kept, "old")
        put(s3, kept, "new")
        source = {"Bucket": kept, "Key": KEY, "VersionId": old}
        done = s3.copy_object(Bucket=kept, Key=KEY, CopySource=source)
        assert done["CopySourceVersionId"] == old and done["VersionId"] != old
        assert text(s3, kept) == "old"
        marker = s3.delete_object(Bucket=kept, Key=KEY)["VersionId"]
        source["VersionId"] = marker
        assert refusal(s3.copy_object, Bucket=kept, Key="x", CopySource=source)[:2] == (400, "InvalidRequest")

    def test_reading_or_deleting_a_version_is_a_permission_of_its_own(self, sandbox, s3, kept):
        iam, name = sandbox.client("iam"), "reader-" + uuid.uuid4().hex[:8]
        allowed = ["s3:GetObject", "s3:DeleteObject", "s3:ListBucket"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": allowed, "Resource": "*"}]}
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        mine = {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"], "SessionToken": None}
        reader = sandbox.client("s3", mine)
        version = put(s3, kept, "one")
        assert text(reader, kept) == "one"
        which = {"Bucket": kept, "Key": KEY, "VersionId": version}
        for call in (reader.get_object, reader.delete_object, reader.get_object_tagging):
            assert refusal(call, **which)[:2] == (403, "AccessDenied")
        assert refusal(reader.list_object_versions, Bucket=kept)[:2] == (403, "AccessDenied")
        many = reader.delete_objects(Bucket=kept, Delete={"Objects": [{"Key": KEY, "VersionId": version}]})
        assert [e["Code"] for e in many["Errors"]] == ["AccessDenied"]
        assert refusal(reader.copy_object, Bucket=kept, Key="y", CopySource=which)[:2] == (403, "AccessDenied")
        assert text(s3, kept, version) == "one"


class TestLifecycle:
    """Rules are kept, carried out at midnight, and told of beforehand."""

    def rules(self, s3, bucket, *rules):
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)})
        return s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]

    def test_rules_are_told_back_as_they_were_given_until_they_are_deleted(self, s3, kept):
        given = [
            {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}},
            {
                "ID": "b",
                "Status": "Disabled",
                "Filter": {"And": {"Prefix": "x", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeLessThan": 10}},
                "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
            },
            {
                "ID": "c",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "Expiration": {"ExpiredObjectDeleteMarker": True},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
            },
        ]
        assert self.rules(s3, kept, *given) == given
        s3.delete_bucket_lifecycle(Bucket=kept)
        gone = refusal(s3.get_bucket_lifecycle_configuration, Bucket=kept)
        assert gone[:2] == (404, "NoSuchLifecycleConfiguration")

    def test_who_reads_or_writes_what_will_go_is_told_when(self, s3, bucket):
        self.rules(s3, bucket, {"ID": "week", "Status": "Enabled", "Filter": {"Prefix": "a"}, "Expiration": {"Days": 7}})
        told = s3.put_object(Bucket=bucket, Key="a", Body=b"x")["Expiration"]
        assert told.startswith('expiry-date="') and told.endswith(' 00:00:00 GMT", rule-id="week"')
        assert s3.head_object(Bucket=bucket, Key="a")["Expiration"] == told
        assert "Expiration" not in s3.put_object(Bucket=bucket, Key="b", Body=b"x")

    @pytest.mark.parametrize(
        "rule, code",
        [
            ({"Expiration": {"Days": 7}}, "MalformedXML"),
            ({"Filter": {}, "NoncurrentVersionExpiration": {}}, "MalformedXML"),
            ({"Filter": {"Prefix": "", "ObjectSizeGreaterThan": 500}, "Expiration": {"Days": 7}}, "MalformedXML"),
            ({"Filter": {}, "Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}, "MalformedXML"),
            ({"Filter": {}, "Expiration": {"Days": 0}}, "InvalidArgument"),
            ({"Filter": {}, "Expiration": {"Date": "2023-01-01T02:02:00Z"}}, "InvalidArgument"),
            ({"Filter": {}}, "InvalidRequest"),
            (
                {
                    "Filter": {"And": {"Tags": [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]}},
                    "Expiration": {"Days": 1},
                },
                "InvalidRequest",
            ),
            ({"Filter": {}, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}, "NotImplemented"),
        ],
    )
    def test_rules_that_s3_would_not_have_are_refused(self, s3, bucket, rule, code):
        rules = {"Rules": [{"ID": "one", "Status": "Enabled", **rule}]}
        call = s3.put_bucket_lifecycle_configuration
        assert refusal(call, Bucket=bucket, LifecycleConfiguration=rules)[1] == code
        assert refusal(s3.get_bucket_lifecycle_configuration, Bucket=bucket)[0] == 404
