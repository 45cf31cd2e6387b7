"""The sandbox from outside: what it refuses, the trouble it makes on demand, and the AWS CLI."""

import base64
import contextlib
import datetime
import json
import os
import subprocess
import sys
import time

import byhand as raw
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError
from conftest import World, _sandbox, _stopped

ACCOUNT = "111122223333"


@contextlib.contextmanager
def world(folder, *options):
    """A sandbox of its own, for tests that change its clock or break it."""
    process = _sandbox(folder, "--empty", *options)
    try:
        said = json.loads(process.stdout.readline())
        names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
        mine = World(*(said[name] for name in names))
        mine.process = process
        mine.accounts = {
            account["id"]: {
                "AccessKeyId": account["AWS_ACCESS_KEY_ID"],
                "SecretAccessKey": account["AWS_SECRET_ACCESS_KEY"],
                "SessionToken": None,
            }
            for account in said["accounts"]
        }
        yield mine
    finally:
        _stopped(process)


def code(call, **arguments):
    """The error of a call that must fail: its code."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


class TestRefusals:
    """Whoever is not a program of this machine's owner hears nothing else than no."""

    def ask(self, sandbox, target="TrentService.ListKeys", body="{}", **change):
        return raw.ask(sandbox, "kms", target, body, **change)

    def test_a_signed_request_is_answered(self, sandbox):
        status, answer = self.ask(sandbox)
        assert status == 200 and "Keys" in answer

    @pytest.mark.parametrize("header", ["Origin", "Sec-Fetch-Site"])
    def test_a_web_page_is_not(self, sandbox, header):
        status, answer = self.ask(sandbox, more={header: "http://example.com"})
        assert status == 403 and "Keys" not in answer

    @pytest.mark.parametrize("host", ["example.com", "127.0.0.1", "sandbox.localhost:80"])
    def test_a_name_that_was_made_to_point_here_is_not(self, sandbox, host):
        status, answer = self.ask(sandbox, host=host)
        assert status == 403 and "Keys" not in answer

    @pytest.mark.parametrize(
        "change, error",
        [
            ({"signed": False}, "MissingAuthenticationTokenException"),
            ({"secret": "wrong"}, "InvalidSignatureException"),
            ({"access_key": "AKIANOBODYNOBODYNOBO"}, "UnrecognizedClientException"),
            ({"token": "made-up"}, "UnrecognizedClientException"),
            ({"region": "eu-west-1"}, "InvalidSignatureException"),
            ({"scope": "s3"}, "InvalidSignatureException"),
            ({"after": {"X-Amz-Date": "20200101T000000Z"}}, "InvalidSignatureException"),
            ({"after": {"X-Amz-More": "1"}}, "IncompleteSignatureException"),
            ({"after": {"Authorization": "AWS4-HMAC-SHA256 nonsense"}}, "IncompleteSignatureException"),
            ({"sent": '{"Limit": 1}'}, "InvalidSignatureException"),
            ({"body": "not json"}, "SerializationException"),
            ({"body": '{"x": "' + "y" * (5 << 20) + '"}'}, "RequestEntityTooLargeException"),
            ({"target": "TrentService.Nonsense"}, "UnknownOperationException"),
            ({"target": "Nonsense.ListKeys"}, "UnknownOperationException"),
        ],
    )
    def test_a_request_that_is_wrong_is_told_how(self, sandbox, change, error):
        status, answer = self.ask(sandbox, **change)
        assert (status, json.loads(answer)["__type"]) == (413 if "TooLarge" in error else 400, error)

    def test_a_stale_session_and_a_foreign_token_are_refused_by_every_protocol(self, tmp_path):
        with world(tmp_path) as mine:
            trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
            role = mine.client("iam").create_role(
                RoleName="r", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
            )["Role"]["Arn"]
            session = mine.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
            assert mine.client("sts", session).get_caller_identity()["Arn"].endswith("assumed-role/r/test")
            foreign = session | {"SessionToken": session["SessionToken"][::-1]}
            assert code(mine.client("kms", foreign).list_keys) == "UnrecognizedClientException"
            assert code(mine.client("sts", foreign).get_caller_identity) == "InvalidClientTokenId"
            assert code(mine.client("s3", foreign).list_buckets) == "InvalidToken"
            raw.control(mine, advance="2h")
            assert code(mine.client("kms", session).list_keys) == "ExpiredTokenException"
            assert code(mine.client("sts", session).get_caller_identity) == "ExpiredToken"
            assert code(mine.client("s3", session).list_buckets) == "ExpiredToken"

    @pytest.mark.parametrize("version", ["s3", "s3v4"])
    def test_presigned_urls_are_good_for_as_long_as_they_say(self, sandbox, version):
        s3, sts = sandbox.client("s3", signature_version=version), sandbox.client("sts")
        sandbox.client("s3").create_bucket(Bucket="presigned")
        sandbox.client("s3").put_object(Bucket="presigned", Key="a b", Body=b"hello")
        get = s3.generate_presigned_url("get_object", {"Bucket": "presigned", "Key": "a b"}, ExpiresIn=60)
        assert raw.get(get) == (200, b"hello")
        status, answer = raw.get(get.replace("a%20b", "other"))
        assert status == 403 and b"SignatureDoesNotMatch" in answer
        who = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
        status, answer = raw.get(who)
        assert status == 200 and b"user/strongroom" in answer, answer
        short = s3.generate_presigned_url("get_object", {"Bucket": "presigned", "Key": "a b"}, ExpiresIn=1)
        time.sleep(2.1)
        status, answer = raw.get(short)
        assert status == 403 and b"expired" in answer.lower()


class TestTrouble:
    """What goes wrong because somebody asked for it."""

    @pytest.mark.parametrize(
        "fault, service, error",
        [
            ("kms:throttle", "kms", "ThrottlingException"),
            ("kms:error", "kms", "InternalFailure"),
            ("*:error=503", "s3", "ServiceUnavailable"),
            ("s3:throttle", "s3", "SlowDown"),
            ("sts:expired", "sts", "ExpiredToken"),
            ("kms:expired", "kms", "ExpiredTokenException"),
            ("s3:skew", "s3", "RequestTimeTooSkewed"),
            ("sts:skew", "sts", "SignatureDoesNotMatch"),
            ("sagemaker:throttle", "sagemaker", "ThrottlingException"),
        ],
    )
    def test_every_kind_is_told_in_the_services_words(self, troubled, fault, service, error):
        calls = {"kms": "list_keys", "s3": "list_buckets", "sts": "get_caller_identity"}
        call = getattr(troubled.client(service), calls.get(service, "list_training_jobs"))
        raw.control(troubled, faults=[fault])
        assert code(call) == error
        raw.control(troubled, faults=[])
        call()

    def test_the_same_seed_strikes_the_same_requests(self, troubled):
        kms = troubled.client("kms")

        def struck():
            raw.control(troubled, faults=["kms:throttle@0.5"], seed=7)
            said = []
            for _ in range(20):
                try:
                    kms.list_keys()
                    said.append(False)
                except ClientError:
                    said.append(True)
            return said

        first = struck()
        assert first == struck() and 0 < sum(first) < 20

    def test_latency_and_broken_connections(self, troubled):
        kms = troubled.client("kms")
        raw.control(troubled, faults=["kms:latency=300ms"])
        begun = time.monotonic()
        kms.list_keys()
        assert time.monotonic() - begun > 0.3
        raw.control(troubled, faults=["kms:reset"])
        with pytest.raises((ConnectionClosedError, HTTPClientError)):
            kms.create_key(Description="never made")
        raw.control(troubled, faults=["kms:lost"])
        with pytest.raises((ConnectionClosedError, HTTPClientError)):
            kms.create_key(Description="made, and nobody heard")
        raw.control(troubled, faults=[])
        keys = [kms.describe_key(KeyId=row["KeyId"])["KeyMetadata"] for row in kms.list_keys()["Keys"]]
        assert "made, and nobody heard" in [key["Description"] for key in keys]
        assert "never made" not in [key["Description"] for key in keys]

    def test_only_who_may_control_does(self, troubled):
        iam = troubled.client("iam")
        iam.create_user(UserName="nobody")
        key = iam.create_access_key(UserName="nobody")["AccessKey"]
        answer = raw.control(troubled, access_key=key["AccessKeyId"], secret=key["SecretAccessKey"], faults=[])
        assert answer["__type"] == "AccessDeniedException"
        assert raw.control(troubled, signed=False, faults=[])["__type"] == "MissingAuthenticationTokenException"
        assert raw.control(troubled, faults=["nonsense"])["__type"] == "ValidationException"

    def test_the_clock_moves_deletions_rotations_and_grants(self, tmp_path):
        with world(tmp_path, "--grant-delay", "300") as mine:
            kms, iam = mine.client("kms"), mine.client("iam")
            doomed, kept = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
            kms.create_alias(AliasName="alias/doomed", TargetKeyId=doomed)
            kms.schedule_key_deletion(KeyId=doomed, PendingWindowInDays=7)
            kms.enable_key_rotation(KeyId=kept, RotationPeriodInDays=90)
            blob = kms.encrypt(KeyId=kept, Plaintext=b"before")["CiphertextBlob"]

            trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
            trust = json.dumps({"Statement": [trust]})
            role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
            session = mine.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
            granted = mine.client("kms", session)
            token = kms.create_grant(KeyId=kept, GranteePrincipal=role, Operations=["Decrypt"])["GrantToken"]
            assert code(granted.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
            assert granted.decrypt(CiphertextBlob=blob, GrantTokens=[token])["Plaintext"] == b"before"
            raw.control(mine, advance="301s")
            assert granted.decrypt(CiphertextBlob=blob)["Plaintext"] == b"before"

            raw.control(mine, advance="8 days")
            assert code(kms.describe_key, KeyId=doomed) == "NotFoundException"
            assert code(kms.describe_key, KeyId="alias/doomed") == "NotFoundException"
            assert doomed not in [row["KeyId"] for row in kms.list_keys()["Keys"]]
            assert kms.list_key_rotations(KeyId=kept)["Rotations"] == []
            raw.control(mine, advance="90 days")
            [rotation] = kms.list_key_rotations(KeyId=kept)["Rotations"]
            assert rotation["RotationType"] == "AUTOMATIC"
            assert rotation["RotationDate"] > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=89)
            assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"before"


@pytest.fixture(scope="module")
def troubled(tmp_path_factory):
    with world(tmp_path_factory.mktemp("troubled")) as mine:
        yield mine


class TestAwsCli:
    """The AWS CLI uses the sandbox as it comes: a handful of calls of every service."""

    def run(self, sandbox, home, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", "awscli", "--output", "json", *arguments],
            env=sandbox.environment(home),
            cwd=home,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip().startswith(("{", "[")) else done.stdout

    def test_a_handful_of_calls_of_every_service(self, sandbox, tmp_path):
        aws = lambda *arguments: self.run(sandbox, tmp_path, *arguments)  # noqa: E731
        assert aws("sts", "get-caller-identity")["Account"] == ACCOUNT
        key = aws("kms", "create-key", "--description", "cli")["KeyMetadata"]["KeyId"]
        aws("kms", "create-alias", "--alias-name", "alias/cli", "--target-key-id", key)
        (tmp_path / "plain").write_bytes(b"hello")
        blob = aws("kms", "encrypt", "--key-id", "alias/cli", "--plaintext", "fileb://plain")["CiphertextBlob"]
        (tmp_path / "blob").write_bytes(base64.b64decode(blob))
        opened = aws("kms", "decrypt", "--ciphertext-blob", "fileb://blob")
        assert opened["Plaintext"] == "aGVsbG8="

        aws("s3", "mb", "s3://cli-bucket")
        aws("s3", "cp", "plain", "s3://cli-bucket/data/plain")
        assert "data/" in aws("s3", "ls", "s3://cli-bucket")
        (tmp_path / "large").write_bytes(os.urandom(9 << 20))
        aws("s3", "cp", "large", "s3://cli-bucket/data/large")
        aws("s3", "sync", "s3://cli-bucket/data", "back")
        assert (tmp_path / "back" / "large").read_bytes() == (tmp_path / "large").read_bytes()
        aws("s3", "rm", "--recursive", "s3://cli-bucket")
        aws("s3", "rb", "s3://cli-bucket")

        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        aws("iam", "create-role", "--role-name", "cli-role", "--assume-role-policy-document", document)
        policy = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
        aws("iam", "attach-role-policy", "--role-name", "cli-role", "--policy-arn", policy)
        attached = aws("iam", "list-attached-role-policies", "--role-name", "cli-role")["AttachedPolicies"]
        assert attached == [{"PolicyName": "AmazonSageMakerFullAccess", "PolicyArn": policy}]

        aws("logs", "create-log-group", "--log-group-name", "/cli")
        aws("logs", "create-log-stream", "--log-group-name", "/cli", "--log-stream-name", "s")
        event = json.dumps([{"timestamp": int(time.time() * 1000), "message": "hello"}])
        aws("logs", "put-log-events", "--log-group-name", "/cli", "--log-stream-name", "s", "--log-events", event)
        found = aws("logs", "filter-log-events", "--log-group-name", "/cli")["events"]
        assert [event["message"] for event in found] == ["hello"]

        aws("ecr", "create-repository", "--repository-name", "cli-image")
        assert aws("ecr", "get-login-password").strip()
        assert aws("sagemaker", "list-training-jobs")["TrainingJobSummaries"] is not None


class TestConfinement:
    """Jobs see nothing of the world but what is theirs, or the start says that they do."""

    def started(self, folder, path):
        """What a sandbox says on standard error that finds its programs there."""
        process = _sandbox(folder, "--empty", path=path)
        assert process.stdout.readline()
        _stopped(process)
        return (folder / "sandbox.err").read_text()

    def test_a_machine_without_namespaces_is_told_at_the_start(self, tmp_path):
        assert "training jobs are not confined" in self.started(tmp_path, str(tmp_path))
        assert self.started(tmp_path, os.environ["PATH"]) == ""
