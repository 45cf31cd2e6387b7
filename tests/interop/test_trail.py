"""CloudTrail's event history of the sandbox, read with boto3."""

import concurrent.futures
import json
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from test_sandbox import world

ACCOUNT, OTHER = "111122223333", "444455556666"


def trail_of(mine):
    """A client that tries again where it asked too often, as boto3 does by itself."""
    return boto3.client(
        "cloudtrail",
        endpoint_url=mine.endpoint,
        region_name=mine.variables["AWS_REGION"],
        aws_access_key_id=mine.variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=mine.variables["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"max_attempts": 10, "mode": "standard"}),
    )


def by(key, value):
    return [{"AttributeKey": key, "AttributeValue": value}]


def told(event):
    return json.loads(event["CloudTrailEvent"])


def test_the_paginator_finds_every_call_once_newest_first(tmp_path):
    with world(tmp_path, "--trail-delay", "0") as mine:
        kms, trail = mine.client("kms"), trail_of(mine)
        key = kms.create_key()["KeyMetadata"]["Arn"]
        sealed = kms.encrypt(KeyId=key, Plaintext=b"secret words", EncryptionContext={"team": "blue"})
        for number in range(60):
            kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"team": "blue"})
        with pytest.raises(ClientError):
            kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])
        pages = trail.get_paginator("lookup_events").paginate(LookupAttributes=by("ResourceName", key))
        events = [event for page in pages for event in page["Events"]]
        assert [event["EventName"] for event in events] == ["Decrypt"] * 61 + ["Encrypt", "CreateKey"]
        assert len({event["EventId"] for event in events}) == len(events)
        assert told(events[0])["errorCode"] == "InvalidCiphertextException"
        newest = told(events[1])
        assert newest["requestParameters"]["encryptionContext"] == {"team": "blue"}
        assert newest["sourceIPAddress"] == "127.0.0.1" and "Botocore" in newest["userAgent"]
        assert newest["resources"] == [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key}]
        assert not any("secret words" in event["CloudTrailEvent"] or "c2VjcmV0" in event["CloudTrailEvent"] for event in events)


@pytest.mark.parametrize(
    "key, value",
    [
        ("EventName", "CreateAlias"),
        ("EventSource", "kms.amazonaws.com"),
        ("Username", "strongroom"),
        ("ReadOnly", "false"),
        ("ResourceType", "AWS::KMS::Key"),
    ],
)
def test_one_attribute_finds_what_has_it(tmp_path, key, value):
    with world(tmp_path, "--trail-delay", "0") as mine:
        kms, trail = mine.client("kms"), trail_of(mine)
        made = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName="alias/a", TargetKeyId=made)
        found = trail.lookup_events(LookupAttributes=by(key, value))["Events"]
        assert "CreateAlias" in [event["EventName"] for event in found]
        mine.client("iam").create_user(UserName="bob")
        none = trail.lookup_events(LookupAttributes=by(key, "nothing-such"))["Events"]
        assert none == []


def test_who_may_not_look_and_who_asks_wrongly_is_told_so(tmp_path):
    with world(tmp_path) as mine:
        iam, trail = mine.client("iam"), mine.client("cloudtrail")
        iam.create_user(UserName="bob")
        credentials = iam.create_access_key(UserName="bob")["AccessKey"]
        bob = mine.client("cloudtrail", {**credentials, "SessionToken": None})
        for client, arguments, expected in [
            (bob, {}, "AccessDeniedException"),
            (trail, {"LookupAttributes": by("EventName", "a") * 2}, "InvalidLookupAttributesException"),
            (trail, {"NextToken": "made-up"}, "InvalidNextTokenException"),
            (trail, {"StartTime": 2000, "EndTime": 1000}, "InvalidTimeRangeException"),
        ]:
            time.sleep(0.6)
            with pytest.raises(ClientError) as caught:
                client.lookup_events(**arguments)
            assert caught.value.response["Error"]["Code"] == expected


def test_more_than_two_calls_a_second_are_refused(tmp_path):
    with world(tmp_path) as mine:
        trail = mine.client("cloudtrail")

        def code(_):
            try:
                trail.lookup_events()
            except ClientError as error:
                return error.response["Error"]["Code"]

        # At once, for a slow machine makes few calls a second.
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            codes = [code for code in pool.map(code, range(24)) if code]
        assert "ThrottlingException" in codes and set(codes) == {"ThrottlingException"}


def test_the_owner_of_a_key_sees_the_other_account_and_no_more_of_it(tmp_path):
    with world(tmp_path, "--account", ACCOUNT, "--account", OTHER, "--trail-delay", "0") as mine:
        kms, trail = mine.client("kms"), trail_of(mine)
        statements = [
            {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"}
            for account in (ACCOUNT, OTHER)
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        key = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
        foreign = mine.accounts[OTHER]
        mine.client("kms", foreign).encrypt(KeyId=key, Plaintext=b"x")
        event = told(trail.lookup_events(LookupAttributes=by("ResourceName", key))["Events"][0])
        assert event["userIdentity"]["type"] == "AWSAccount" and event["userIdentity"]["accountId"] == OTHER
        assert "arn" not in event["userIdentity"] and event["recipientAccountId"] == ACCOUNT
        theirs = boto3.client(
            "cloudtrail",
            endpoint_url=mine.endpoint,
            region_name="us-east-1",
            aws_access_key_id=foreign["AccessKeyId"],
            aws_secret_access_key=foreign["SecretAccessKey"],
        )
        own = told(theirs.lookup_events(LookupAttributes=by("EventName", "Encrypt"))["Events"][0])
        assert own["userIdentity"]["arn"].startswith(f"arn:aws:iam::{OTHER}:user/")
        assert own["sharedEventID"] == event["sharedEventID"]
