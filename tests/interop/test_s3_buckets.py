"""What buckets are made with and set to: names, regions, tags, ownership, public access, policies."""

import json

import pytest
from botocore.exceptions import ClientError
from s3raw import refused


@pytest.fixture
def s3(sandbox):
    return sandbox.client("s3")


def test_a_new_bucket_lets_nothing_be_public(s3, bucket):
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert block == dict.fromkeys(switches, True)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": False})
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert block == dict.fromkeys(switches, False)
    for _ in range(2):
        s3.delete_public_access_block(Bucket=bucket)
        code = refused(s3.get_public_access_block, Bucket=bucket)
        assert code == (404, "NoSuchPublicAccessBlockConfiguration")


def test_who_owns_objects_is_a_rule_that_can_be_another_or_none(s3, bucket):
    def rules(kind):
        return {"Rules": [{"ObjectOwnership": kind}]}

    def ownership(name=bucket):
        return s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]

    put = {"Bucket": bucket, "Key": "k", "Body": b"1"}
    assert ownership() == rules("BucketOwnerEnforced")
    assert refused(s3.put_object, **put, ACL="public-read") == (400, "AccessControlListNotSupported")
    for kind in ["ObjectWriter", "BucketOwnerPreferred"]:
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules(kind))
        assert ownership() == rules(kind)
        assert refused(s3.put_object, **put, ACL="public-read") == (501, "NotImplemented")
        s3.put_object(**put, ACL="private")
    for wrong in [{"Rules": []}, rules("Nobody"), {"Rules": rules("ObjectWriter")["Rules"] * 2}]:
        assert refused(s3.put_bucket_ownership_controls, Bucket=bucket, OwnershipControls=wrong) == (400, "MalformedXML")
    for _ in range(2):
        s3.delete_bucket_ownership_controls(Bucket=bucket)
        code = refused(s3.get_bucket_ownership_controls, Bucket=bucket)
        assert code == (404, "OwnershipControlsNotFoundError")
    made = f"{bucket}-made"
    s3.create_bucket(Bucket=made, ObjectOwnership="ObjectWriter")
    assert ownership(made) == rules("ObjectWriter")


def test_a_bucket_is_made_with_tags_once(s3, bucket):
    made, tags = f"{bucket}-made", [{"Key": "tag1", "Value": "value 1"}, {"Key": "b", "Value": ""}]
    asked = {"Bucket": made, "CreateBucketConfiguration": {"Tags": tags}}
    s3.create_bucket(**asked)
    told = s3.get_bucket_tagging(Bucket=made)["TagSet"]
    assert sorted(told, key=str) == sorted(tags, key=str)
    assert refused(s3.create_bucket, **asked) == (409, "BucketAlreadyOwnedByYou")
    for configuration in [{}, {"CreateBucketConfiguration": {"Tags": []}}]:
        s3.create_bucket(Bucket=made, **configuration)
    assert len(s3.get_bucket_tagging(Bucket=made)["TagSet"]) == 2
    wrong = {"CreateBucketConfiguration": {"Tags": [{"Key": "aws:a", "Value": "1"}]}}
    assert refused(s3.create_bucket, Bucket=f"{bucket}-other", **wrong) == (400, "InvalidTag")
    assert refused(s3.head_bucket, Bucket=f"{bucket}-other") == (404, "404")


@pytest.mark.parametrize("name", ["xn--a", "sthree-a", "amzn-s3-demo-a", "a-s3alias", "a--ol-s3", "abc.mrap"])
def test_names_that_s3_keeps_for_itself_are_nobodys(s3, name):
    assert refused(s3.create_bucket, Bucket=name) == (400, "InvalidBucketName")


def test_a_bucket_policy_is_kept_checked_and_taken_away(s3, bucket):
    def statement(**other):
        return json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
        } | other]})

    assert refused(s3.get_bucket_policy, Bucket=bucket) == (404, "NoSuchBucketPolicy")
    assert refused(s3.get_bucket_policy_status, Bucket=bucket) == (404, "NoSuchBucketPolicy")
    for wrong in [
        "nothing",
        "{}",
        statement(Resource="arn:aws:s3:::another/*"),
        statement(Action="kms:Decrypt"),
        statement(Principal={"AWS": "arn:aws:iam::111122223333:user/nobody-of-this-name"}),
        statement(Condition={"NoOperator": {"aws:Referer": "a"}}),
    ]:
        assert refused(s3.put_bucket_policy, Bucket=bucket, Policy=wrong) == (400, "MalformedPolicy")
    assert refused(s3.get_bucket_policy, Bucket=bucket) == (404, "NoSuchBucketPolicy")
    s3.put_bucket_policy(Bucket=bucket, Policy=statement())
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == statement()
    assert not s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=statement(Principal="*"))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    s3.delete_bucket_policy(Bucket=bucket)
    assert refused(s3.get_bucket_policy, Bucket=bucket) == (404, "NoSuchBucketPolicy")


def test_a_bucket_policy_is_malformed_in_s3s_words(s3, bucket):
    root = f"arn:aws:s3:::{bucket}"

    def said(**other):
        statement = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject", "Resource": f"{root}/*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": statement | other})
        try:
            s3.put_bucket_policy(Bucket=bucket, Policy=policy)
        except ClientError as error:
            told = error.response["Error"]
            assert told["Code"] == "MalformedPolicy"
            return told["Message"]

    no_action, no_resource = "Policy has invalid action", "Policy has invalid resource"
    apart = "Action does not apply to any resource(s) in statement"
    no_key = "Policy has an invalid condition key"
    no_pair = "Conditions do not apply to combination of actions and resources in statement"
    prefix = {"StringEquals": {"s3:prefix": "a"}}
    for other, message in [
        ({"Action": "s3:GetObjects"}, no_action),
        ({"Action": ["s3:GetObject", "s3:Fetch*"]}, no_action),
        ({"Resource": "arn:aws:s3:::another/*"}, no_resource),
        ({"Resource": root}, apart),
        ({"Action": "s3:ListBucket"}, apart),
        ({"Action": ["s3:ListBucket", "s3:GetObject"]}, apart),
        ({"Action": "s3:ListAllMyBuckets"}, apart),
        ({"Action": ["s3:ListBucket", "s3:GetObject"], "Resource": [root, f"{root}/*"]}, None),
        ({"Action": "s3:*"}, None),
        ({"Action": "s3:ListBucket", "Resource": f"{root}*"}, None),
        ({"Condition": {"StringEquals": {"s3:colour": "red"}}}, no_key),
        ({"Condition": {"StringEquals": {"kms:ViaService": "s3"}}}, no_key),
        ({"Condition": prefix}, no_pair),
        ({"Condition": prefix, "Action": "s3:ListBucket", "Resource": root}, None),
        ({"Condition": {"StringEquals": {"AWS:PrincipalTag/Team": "a"}}}, None),
        ({"Condition": {"StringEquals": {"s3:ExistingObjectTag/a": "b"}}}, None),
    ]:
        assert said(**other) == message, other


def test_a_policy_for_everybody_is_refused_where_public_policies_are_blocked(s3, bucket):
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(switches, True))
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": allow})
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy=policy) == (403, "AccessDenied")
    narrow = {"Condition": {"StringEquals": {"aws:PrincipalAccount": "111122223333"}}}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": allow | narrow}))
