"""The table of tests/conformance/kms.txt, cell by cell, with boto3; and single cases that a table has no column for."""

import concurrent.futures
import json
import pathlib
import threading

import pytest
from botocore.exceptions import ClientError

TABLE = pathlib.Path(__file__).parent.parent / "conformance" / "kms.txt"
ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/table-worker"
PLAIN = f"arn:aws:iam::{ACCOUNT}:user/table-plain"
REFUSED = f"arn:aws:iam::{ACCOUNT}:user/table-refused"
ABSENT = "1234abcd-12ab-34cd-56ef-1234567890ab"
WORDS = {
    "AccessDeniedException": "denied",
    "DisabledException": "disabled",
    "KMSInvalidStateException": "invalid",
    "NotFoundException": "missing",
}
GRANTED = [
    "GenerateDataKeyPair",
    "Encrypt",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "DescribeKey",
    "CreateGrant",
    "RetireGrant",
]
CHANGING = {
    "EnableKey",
    "DisableKey",
    "ScheduleKeyDeletion",
    "CancelKeyDeletion",
    "PutKeyPolicy",
    "RetireGrant",
    "RevokeGrant",
    "CreateAlias",
    "DeleteAlias",
}


def cases():
    rows = [line.split() for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    situations = rows[0][2:]
    for operation, state, *cells in rows[1:]:
        assert len(cells) == len(situations)
        for situation, expected in zip(situations, cells):
            yield operation, state, situation, expected


def policy(operation, situation):
    """The key policy of a situation; its first statement lets the owner set the scene."""
    own = ["kms:ReEncryptFrom", "kms:ReEncryptTo"] if operation == "ReEncrypt" else [f"kms:{operation}"]

    def says(effect, principal, **more):
        return {"Effect": effect, "Principal": {"AWS": principal}, "Resource": "*", **(more or {"Action": "kms:*"})}

    root = says("Allow", f"arn:aws:iam::{ACCOUNT}:root")
    houses = {"StringEquals": {"kms:EncryptionContext:project": "houses"}}
    more = {
        "B": [],
        "C": [says("Allow", PLAIN)],
        "I": [root, says("Allow", PLAIN), says("Deny", PLAIN)],
        "J": [says("Allow", REFUSED)],
        "K": [root, says("Deny", ROLE)],
        "L": [says("Allow", PLAIN, Action="kms:*", Condition=houses)],
        "M": [says("Allow", PLAIN, Action="kms:*", Condition=houses)],
        "N": [says("Allow", PLAIN, Action=own)],
        "O": [says("Allow", PLAIN, NotAction=own)],
    }.get(situation, [root])
    owner = says("Allow", f"arn:aws:iam::{ACCOUNT}:user/strongroom")
    return json.dumps({"Version": "2012-10-17", "Statement": [owner, *more]})


class Scene:
    def __init__(self, world):
        self.world = world
        self.owner = world.client("kms")
        iam = world.client("iam")
        self.lock, self.keys = threading.Lock(), {}

        def user(name, effect=None):
            iam.create_user(UserName=name)
            if effect:
                says = {"Effect": effect, "Action": "kms:*", "Resource": "*"}
                document = json.dumps({"Version": "2012-10-17", "Statement": [says]})
                iam.put_user_policy(UserName=name, PolicyName="kms", PolicyDocument=document)
            key = iam.create_access_key(UserName=name)["AccessKey"]
            return world.client("kms", {**key, "SessionToken": None})

        me = world.client("sts").get_caller_identity()["Arn"]
        trust = {"Effect": "Allow", "Principal": {"AWS": me}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        iam.create_role(RoleName="table-worker", AssumeRolePolicyDocument=document)
        session = world.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
        allowed, plain, refused = user("table-allowed", "Allow"), user("table-plain"), user("table-refused", "Deny")
        granted = world.client("kms", session)
        self.callers = {
            **dict.fromkeys("AB", allowed),
            **dict.fromkeys("EFGHK", granted),
            "J": refused,
            **dict.fromkeys("CDILMNO", plain),
        }

    def key(self, operation, state, situation, expected):
        if operation in CHANGING and expected == "ok":
            return self.make(operation, state, situation)
        name = (policy(operation, situation), state, situation, operation == "DeleteAlias")
        with self.lock:
            future = self.keys.get(name)
            mine = future is None
            if mine:
                future = self.keys[name] = concurrent.futures.Future()
        if mine:
            future.set_result(self.make(operation, state, situation))
        return future.result()

    def make(self, operation, state, situation):
        owner, text = self.owner, policy(operation, situation)
        key = owner.create_key(Policy=text)["KeyMetadata"]["KeyId"]
        blob = owner.encrypt(KeyId=key, Plaintext=b"hello", EncryptionContext=context(situation))["CiphertextBlob"]
        ours = situation in "EFGHK"
        grant = {
            "GranteePrincipal": ROLE if ours else f"arn:aws:iam::{ACCOUNT}:user/table-allowed",
            "Operations": GRANTED if ours and situation != "F" else GRANTED[:1],
        }
        if situation in "GH":
            grant["Constraints"] = {"EncryptionContextEquals": {"project": "houses"}}
        grant = owner.create_grant(KeyId=key, **grant)["GrantId"]
        alias = f"alias/{key}"
        if operation == "DeleteAlias":
            owner.create_alias(AliasName=alias, TargetKeyId=key)
        if state == "Disabled":
            owner.disable_key(KeyId=key)
        if state == "PendingDeletion":
            owner.schedule_key_deletion(KeyId=key)
        if state == "Absent":
            key, alias = ABSENT, "alias/nowhere"
        return {"id": key, "policy": text, "blob": blob, "grant": grant, "alias": alias}

    def ask(self, case):
        operation, _, situation, _ = case
        key, kms, within = self.key(*case), self.callers[situation], context(situation)
        it = {"KeyId": key["id"]}
        call, arguments = {
            "Encrypt": (kms.encrypt, it | {"Plaintext": b"hello", "EncryptionContext": within}),
            "Decrypt": (kms.decrypt, it | {"CiphertextBlob": key["blob"], "EncryptionContext": within}),
            "ReEncrypt": (
                kms.re_encrypt,
                {
                    "SourceKeyId": key["id"],
                    "DestinationKeyId": key["id"],
                    "CiphertextBlob": key["blob"],
                    "SourceEncryptionContext": within,
                    "DestinationEncryptionContext": within,
                },
            ),
            "GenerateDataKey": (kms.generate_data_key, it | {"KeySpec": "AES_256", "EncryptionContext": within}),
            "GenerateDataKeyWithoutPlaintext": (
                kms.generate_data_key_without_plaintext,
                it | {"NumberOfBytes": 32, "EncryptionContext": within},
            ),
            "CreateGrant": (kms.create_grant, it | {"GranteePrincipal": PLAIN, "Operations": ["Encrypt"]}),
            "RetireGrant": (kms.retire_grant, it | {"GrantId": key["grant"]}),
            "RevokeGrant": (kms.revoke_grant, it | {"GrantId": key["grant"]}),
            "ListGrants": (kms.list_grants, it),
            "DescribeKey": (kms.describe_key, it),
            "EnableKey": (kms.enable_key, it),
            "DisableKey": (kms.disable_key, it),
            "ScheduleKeyDeletion": (kms.schedule_key_deletion, it | {"PendingWindowInDays": 7}),
            "CancelKeyDeletion": (kms.cancel_key_deletion, it),
            "UpdateKeyDescription": (kms.update_key_description, it | {"Description": "x"}),
            "GetKeyPolicy": (kms.get_key_policy, it),
            "PutKeyPolicy": (
                kms.put_key_policy,
                it | {"Policy": key["policy"], "BypassPolicyLockoutSafetyCheck": True},
            ),
            "ListKeyPolicies": (kms.list_key_policies, it),
            "EnableKeyRotation": (kms.enable_key_rotation, it),
            "DisableKeyRotation": (kms.disable_key_rotation, it),
            "GetKeyRotationStatus": (kms.get_key_rotation_status, it),
            "RotateKeyOnDemand": (kms.rotate_key_on_demand, it),
            "ListKeyRotations": (kms.list_key_rotations, it),
            "TagResource": (kms.tag_resource, it | {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
            "UntagResource": (kms.untag_resource, it | {"TagKeys": ["a"]}),
            "ListResourceTags": (kms.list_resource_tags, it),
            "CreateAlias": (kms.create_alias, {"AliasName": key["alias"] + "-new", "TargetKeyId": key["id"]}),
            "DeleteAlias": (kms.delete_alias, {"AliasName": key["alias"]}),
        }[operation]
        try:
            call(**arguments)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return WORDS.get(code, code)
        return "ok"


def context(situation):
    return {"project": "cars" if situation in "HM" else "houses"}


def test_every_operation_in_every_state_by_whoever_asks_answers_as_the_table_says(sandbox):
    scene, table = Scene(sandbox), list(cases())
    assert len(table) > 1000
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        got = list(pool.map(scene.ask, table))
    assert [(case, said) for case, said in zip(table, got) if case[3] != said] == []


def flipped(blob):
    return blob[:-1] + bytes([blob[-1] ^ 1])


SINGLE = {
    "nothing to encrypt": ("encrypt", {"Plaintext": b""}, "ValidationException"),
    "as much as can be encrypted": ("encrypt", {"Plaintext": b"x" * 4096}, None),
    "more than can be encrypted": ("encrypt", {"Plaintext": b"x" * 4097}, "ValidationException"),
    "a region that is elsewhere": (
        "encrypt",
        {"KeyId": "arn:aws:kms:eu-west-1:111122223333:key/" + ABSENT, "Plaintext": b"x"},
        "NotFoundException",
    ),
    "an alias that is nowhere": ("encrypt", {"KeyId": "alias/nowhere", "Plaintext": b"x"}, "NotFoundException"),
    "a grant token that nobody gave": (
        "encrypt",
        {"Plaintext": b"x", "GrantTokens": ["made-up"], "as": "role"},
        "InvalidGrantTokenException",
    ),
    "eleven grant tokens": (
        "encrypt",
        {"Plaintext": b"x", "GrantTokens": ["t"] * 11, "as": "role"},
        "ValidationException",
    ),
    "eleven grant tokens of somebody who needs none": (
        "encrypt",
        {"Plaintext": b"x", "GrantTokens": ["t"] * 11},
        "ValidationException",
    ),
    "a dry run that would go well": ("encrypt", {"Plaintext": b"x", "DryRun": True}, "DryRunOperationException"),
    "a dry run that would not": ("encrypt", {"Plaintext": b"x", "DryRun": True, "as": "role"}, "AccessDeniedException"),
    "the right ciphertext": ("decrypt", {"CiphertextBlob": "BLOB", "EncryptionContext": {"a": "b"}}, None),
    "the right ciphertext, its key unsaid": (
        "decrypt",
        {"KeyId": None, "CiphertextBlob": "BLOB", "EncryptionContext": {"a": "b"}},
        None,
    ),
    "another context": (
        "decrypt",
        {"CiphertextBlob": "BLOB", "EncryptionContext": {"a": "c"}},
        "InvalidCiphertextException",
    ),
    "no context": ("decrypt", {"CiphertextBlob": "BLOB"}, "InvalidCiphertextException"),
    "a ciphertext with a bit flipped": (
        "decrypt",
        {"CiphertextBlob": "FLIPPED", "EncryptionContext": {"a": "b"}},
        "InvalidCiphertextException",
    ),
    "no ciphertext at all": ("decrypt", {"CiphertextBlob": b"hello"}, "InvalidCiphertextException"),
    "a ciphertext of another key": (
        "decrypt",
        {"KeyId": "OTHER", "CiphertextBlob": "BLOB", "EncryptionContext": {"a": "b"}},
        "IncorrectKeyException",
    ),
    "a dry run about authorization only": (
        "decrypt",
        {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]},
        "DryRunOperationException",
    ),
    "a data key of both measures": (
        "generate_data_key",
        {"KeySpec": "AES_256", "NumberOfBytes": 32},
        "ValidationException",
    ),
    "a data key of no measure": ("generate_data_key", {}, "ValidationException"),
    "a data key of 1025 bytes": ("generate_data_key", {"NumberOfBytes": 1025}, "ValidationException"),
    "1024 random bytes": ("generate_random", {"KeyId": None, "NumberOfBytes": 1024}, None),
    "a page of none": ("list_keys", {"KeyId": None, "Limit": 0}, "ValidationException"),
    "a page of 1001 keys": ("list_keys", {"KeyId": None, "Limit": 1001}, "ValidationException"),
    "a page of 101 grants": ("list_grants", {"Limit": 101}, "ValidationException"),
    "a marker that nobody gave": ("list_keys", {"KeyId": None, "Marker": "?!"}, "InvalidMarkerException"),
    "a grant by alias": ("list_grants", {"KeyId": "ALIAS"}, "NotFoundException"),
    "an alias where one is taken": ("describe_key", {"KeyId": "ALIAS"}, None),
    "a grant to nobody": (
        "create_grant",
        {"GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:role/nobody", "Operations": ["Decrypt"]},
        "InvalidArnException",
    ),
    "a grant of what the key cannot do": (
        "create_grant",
        {"GranteePrincipal": ROLE, "Operations": ["Sign"]},
        "ValidationException",
    ),
    "a grant of a strange name": (
        "create_grant",
        {"GranteePrincipal": ROLE, "Operations": ["Decrypt"], "Name": "a b"},
        "ValidationException",
    ),
    "a dry run of a grant": (
        "create_grant",
        {"GranteePrincipal": ROLE, "Operations": ["Decrypt"], "DryRun": True},
        "DryRunOperationException",
    ),
    "a grant id that is none": ("revoke_grant", {"GrantId": "x"}, "InvalidGrantIdException"),
    "a grant that is not there": ("revoke_grant", {"GrantId": "0" * 64}, "NotFoundException"),
    "retiring by a made-up token": (
        "retire_grant",
        {"KeyId": None, "GrantToken": "made-up"},
        "InvalidGrantTokenException",
    ),
    "an alias without its prefix": (
        "create_alias",
        {"KeyId": None, "AliasName": "plain", "TargetKeyId": "KEY"},
        "ValidationException",
    ),
    "an alias of AWS's": (
        "create_alias",
        {"KeyId": None, "AliasName": "alias/aws/s3", "TargetKeyId": "KEY"},
        "InvalidAliasNameException",
    ),
    "an alias that is taken": (
        "create_alias",
        {"KeyId": None, "AliasName": "ALIAS", "TargetKeyId": "OTHER"},
        "AlreadyExistsException",
    ),
    "moving an alias that is nowhere": (
        "update_alias",
        {"KeyId": None, "AliasName": "alias/nowhere", "TargetKeyId": "KEY"},
        "NotFoundException",
    ),
    "a window of six days": ("schedule_key_deletion", {"PendingWindowInDays": 6}, "ValidationException"),
    "a window of 31 days": ("schedule_key_deletion", {"PendingWindowInDays": 31}, "ValidationException"),
    "a rotation every 89 days": ("enable_key_rotation", {"RotationPeriodInDays": 89}, "ValidationException"),
    "a tag of AWS's": (
        "tag_resource",
        {"Tags": [{"TagKey": "aws:x", "TagValue": "y"}]},
        "TagException",
    ),
    "51 tags": (
        "tag_resource",
        {"Tags": [{"TagKey": f"t{n}", "TagValue": ""} for n in range(51)]},
        "TagException",
    ),
    "a policy that is no JSON": ("put_key_policy", {"Policy": "{"}, "MalformedPolicyDocumentException"),
    "a policy of an unknown operator": (
        "put_key_policy",
        {
            "Policy": json.dumps(
                {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": "*",
                            "Action": "kms:*",
                            "Resource": "*",
                            "Condition": {"StringSeems": {"a": "b"}},
                        }
                    ]
                }
            )
        },
        "MalformedPolicyDocumentException",
    ),
    "a policy that names nobody known": (
        "put_key_policy",
        {
            "Policy": json.dumps(
                {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/nobody"},
                            "Action": "kms:*",
                            "Resource": "*",
                        }
                    ]
                }
            )
        },
        "MalformedPolicyDocumentException",
    ),
    "a policy that locks its writer out": (
        "put_key_policy",
        {
            "Policy": json.dumps(
                {"Statement": [{"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:*", "Resource": "*"}]}
            )
        },
        "MalformedPolicyDocumentException",
    ),
    "a policy of 33 KiB": ("put_key_policy", {"Policy": '{"Statement":[]}' + " " * 33000}, "LimitExceededException"),
    "a policy of another name": (
        "get_key_policy",
        {"PolicyName": "other"},
        "NotFoundException",
    ),
    "a key of another kind": (
        "create_key",
        {"KeyId": None, "KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
        "UnsupportedOperationException",
    ),
}


@pytest.fixture(scope="module")
def single(sandbox):
    kms, iam = sandbox.client("kms"), sandbox.client("iam")
    key, other = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    kms.create_alias(AliasName="alias/single", TargetKeyId=key)
    blob = kms.encrypt(KeyId=key, Plaintext=b"hello", EncryptionContext={"a": "b"})["CiphertextBlob"]
    trust = {"Effect": "Allow", "Principal": {"AWS": sandbox.client("sts").get_caller_identity()["Arn"]}}
    trust["Action"] = "sts:AssumeRole"
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="single-worker", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    session = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return {
        "KEY": key,
        "OTHER": other,
        "ALIAS": "alias/single",
        "BLOB": blob,
        "FLIPPED": flipped(blob),
        # The service is asked what the client would refuse by itself.
        "clients": {
            "owner": sandbox.client("kms", parameter_validation=False),
            "role": sandbox.client("kms", session, parameter_validation=False),
        },
    }


@pytest.mark.parametrize("name", SINGLE)
def test_each_single_case_answers_its_error(single, name):
    operation, arguments, expected = SINGLE[name]
    arguments = {"KeyId": "KEY"} | arguments
    client = single["clients"][arguments.pop("as", "owner")]
    arguments = {
        member: single.get(value, value) if isinstance(value, str) else value
        for member, value in arguments.items()
        if value is not None
    }
    arguments = {
        member: value.replace(ROLE, f"arn:aws:iam::{ACCOUNT}:role/single-worker") if isinstance(value, str) else value
        for member, value in arguments.items()
    }
    try:
        getattr(client, operation)(**arguments)
        got = None
    except ClientError as error:
        got = error.response["Error"]["Code"]
    assert got == expected
