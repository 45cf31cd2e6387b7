"""The table of tests/conformance/policies.txt, row by row, with boto3."""

import concurrent.futures
import json
import pathlib
import re

from botocore.exceptions import ClientError

TABLE = pathlib.Path(__file__).parent.parent / "conformance" / "policies.txt"
ACCOUNT = "111122223333"
OWNER = f"arn:aws:iam::{ACCOUNT}:user/strongroom"
AWS_POLICY = "arn:aws:iam::aws:policy/"
STATEMENTS = ("identity", "boundary", "limit", "key", "bucket", "trust")
KINDS = {
    "identity-based policy": "identity",
    "resource-based policy": "resource",
    "permissions boundary": "boundary",
    "session policy": "session",
}


def scenes():
    found = []
    for line in TABLE.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if word == "scene":
            found.append({"name": rest, "rows": [], "managed": [], "tags": {}, **{kind: [] for kind in STATEMENTS}})
            continue
        scene = found[-1]
        if word in ("user", "session"):
            scene |= {"caller": word, "tags": pairs(rest, "=")}
        elif word == "managed":
            scene["managed"].append(rest)
        elif word in ("opened", "keytags"):
            scene[word] = rest
        elif word in STATEMENTS:
            scene[word].append(rest)
        else:
            operation, _, arguments = rest.partition(" ")
            scene["rows"].append((word, operation, arguments.split()))
    return found


def pairs(text, between=":"):
    return dict(pair.split(between, 1) for pair in text.split(",") if pair)


def tags(text, between=":", key="Key", value="Value"):
    return [{key: name, value: said} for name, said in pairs(text, between).items()]


class Scene:
    """A caller with its policies, and what they are about."""

    def __init__(self, world, owner, number, scene):
        self.owner, self.scene = owner, scene
        self.key = self.blob = None
        self.name = f"policies-{number}"
        kind = "user" if scene["caller"] == "user" else "role"
        self.words = {
            "SESSION": f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.name}/test",
            "CALLER": f"arn:aws:iam::{ACCOUNT}:{kind}/{self.name}",
            "TARGET": f"arn:aws:iam::{ACCOUNT}:role/{self.name}-target",
            "BUCKET": f"{self.name}-bucket",
            "NAME": self.name,
        }
        text = json.dumps(scene)
        self.make_caller(owner["iam"])
        if "kms:" in text:
            self.make_key(owner["kms"])
        self.make_target(owner["iam"])
        credentials = self.credentials()
        services = {operation.split(":")[0] for _, operation, _ in scene["rows"]}
        self.clients = {service: world.client(service, credentials) for service in services}
        if "s3:" in text:
            self.make_bucket(owner["s3"])

    def said(self, text):
        return re.sub(rf"\b({'|'.join(self.words)})\b", lambda word: self.words[word.group()], text)

    def document(self, kind, *more):
        version, statements = "2012-10-17", list(more)
        for text in self.scene[kind]:
            if text.startswith("old "):
                version, text = "2008-10-17", text[4:]
            default = {"Effect": "Allow"} if kind == "trust" else {"Effect": "Allow", "Resource": "*"}
            statement = default | json.loads(self.said(text))
            if "NotResource" in statement:
                del statement["Resource"]
            statements.append(statement)
        return json.dumps({"Version": version, "Statement": statements})

    def make_caller(self, iam):
        scene, name, is_user = self.scene, self.name, self.scene["caller"] == "user"
        own = {"UserName" if is_user else "RoleName": name}
        made = {"Tags": [{"Key": key, "Value": value} for key, value in scene["tags"].items()]}
        if scene["boundary"]:
            limit = iam.create_policy(PolicyName=f"{name}-boundary", PolicyDocument=self.document("boundary"))
            made["PermissionsBoundary"] = limit["Policy"]["Arn"]
        if is_user:
            iam.create_user(**own, **made)
        else:
            actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
            trust = [{"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": actions}]
            document = json.dumps({"Version": "2012-10-17", "Statement": trust})
            iam.create_role(**own, **made, AssumeRolePolicyDocument=document)
        put, attach = (
            (iam.put_user_policy, iam.attach_user_policy)
            if is_user
            else (iam.put_role_policy, iam.attach_role_policy)
        )
        for policy in scene["managed"]:
            attach(**own, PolicyArn=AWS_POLICY + policy)

    def put_identity(self):
        iam = self.owner["iam"]
        if not self.scene["identity"]:
            return
        document = {"PolicyName": "own", "PolicyDocument": self.document("identity")}
        if self.scene["caller"] == "user":
            iam.put_user_policy(UserName=self.name, **document)
        else:
            iam.put_role_policy(RoleName=self.name, **document)

    def credentials(self):
        self.put_identity()
        if self.scene["caller"] == "user":
            key = self.owner["iam"].create_access_key(UserName=self.name)["AccessKey"]
            return {**key, "SessionToken": None}
        opened = dict(part.split("=", 1) for part in self.scene.get("opened", "").split())
        more = {"Tags": tags(opened["tags"])} if "tags" in opened else {}
        if "source" in opened:
            more["SourceIdentity"] = opened["source"]
        if self.scene["limit"]:
            more["Policy"] = self.document("limit")
        sts = self.owner["sts"]
        return sts.assume_role(RoleArn=self.words["CALLER"], RoleSessionName="test", **more)["Credentials"]

    def make_key(self, kms):
        account = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
        owner = {"AWS": OWNER} if self.scene["key"] else account
        first = {"Effect": "Allow", "Principal": owner, "Action": "kms:*", "Resource": "*"}
        made = kms.create_key(
            Policy=self.document("key", first),
            Tags=tags(self.scene.get("keytags", ""), "=", "TagKey", "TagValue"),
        )
        self.words = {"KEY": made["KeyMetadata"]["Arn"], **self.words}
        self.key = made["KeyMetadata"]["KeyId"]
        if any(operation == "kms:ReEncrypt" for _, operation, _ in self.scene["rows"]):
            self.blob = kms.encrypt(KeyId=self.key, Plaintext=b"hello")["CiphertextBlob"]
        kms.create_alias(AliasName=f"alias/{self.name}", TargetKeyId=self.key)

    def make_target(self, iam):
        if self.scene["trust"]:
            iam.create_role(RoleName=f"{self.name}-target", AssumeRolePolicyDocument=self.document("trust"))

    def make_bucket(self, s3):
        bucket = self.words["BUCKET"]
        s3.create_bucket(Bucket=bucket)
        for _, operation, arguments in self.scene["rows"]:
            if operation.startswith("s3:") and arguments and "=" not in arguments[0]:
                s3.put_object(Bucket=bucket, Key=self.said(arguments[0]), Body=b"x")
        if self.scene["bucket"]:
            s3.put_bucket_policy(Bucket=bucket, Policy=self.document("bucket"))

    def ask(self, operation, arguments):
        """What comes out, in the words of the table."""
        service, name = operation.split(":")
        given = [self.said(argument) for argument in arguments]
        named = dict(argument.split("=", 1) for argument in given if "=" in argument)
        plain = [argument for argument in given if "=" not in argument]
        call, members = getattr(self, service)(name, plain, named)
        try:
            call(**members)
        except ClientError as error:
            return word(error)
        return "ok"

    def s3(self, name, plain, named):
        s3, bucket = self.clients["s3"], {"Bucket": self.words["BUCKET"]}
        it = bucket | ({"Key": plain[0]} if plain else {})
        return {
            "ListBuckets": lambda: (s3.list_buckets, {}),
            "ListObjectsV2": lambda: (
                s3.list_objects_v2,
                bucket | {member: named[member.lower()] for member in ("Prefix", "Delimiter") if member.lower() in named},
            ),
            "GetObject": lambda: (s3.get_object, it),
            "GetObjectTagging": lambda: (s3.get_object_tagging, it),
            "PutObject": lambda: (s3.put_object, it | {"Body": b"x"}),
            "DeleteObject": lambda: (s3.delete_object, it),
        }[name]()

    def kms(self, name, _, named):
        kms = self.clients["kms"]
        it = {"KeyId": named.get("alias", self.key)}
        within = {"EncryptionContext": pairs(named["context"])} if "context" in named else {}
        given = {"Tags": tags(named["tags"], key="TagKey", value="TagValue")} if ":" in named.get("tags", "") else {}
        same = {"SourceKeyId": self.key, "DestinationKeyId": self.key, "CiphertextBlob": self.blob}
        grant = {
            "GranteePrincipal": named.get("grantee", f"arn:aws:iam::{ACCOUNT}:user/{self.name}"),
            "Operations": named.get("operations", "").split(","),
        }
        if "subset" in named:
            grant["Constraints"] = {"EncryptionContextSubset": pairs(named["subset"])}
        return {
            "ListKeys": lambda: (kms.list_keys, {}),
            "ListAliases": lambda: (kms.list_aliases, {}),
            "CreateKey": lambda: (
                kms.create_key,
                given | ({"BypassPolicyLockoutSafetyCheck": True} if "bypass" in named else {}),
            ),
            "DescribeKey": lambda: (kms.describe_key, it),
            "Encrypt": lambda: (kms.encrypt, it | within | {"Plaintext": b"hello"}),
            "GenerateDataKey": lambda: (kms.generate_data_key, it | within | {"KeySpec": "AES_256"}),
            "ReEncrypt": lambda: (kms.re_encrypt, same),
            "CreateGrant": lambda: (kms.create_grant, it | grant),
            "TagResource": lambda: (kms.tag_resource, it | given),
            "UntagResource": lambda: (kms.untag_resource, it | {"TagKeys": named["tags"].split(",")}),
            "EnableKeyRotation": lambda: (
                kms.enable_key_rotation,
                it | {"RotationPeriodInDays": int(named["days"])},
            ),
            "ScheduleKeyDeletion": lambda: (
                kms.schedule_key_deletion,
                it | {"PendingWindowInDays": int(named["days"])},
            ),
        }[name]()

    def iam(self, name, _, named):
        iam = self.clients["iam"]
        role, boundary = {"RoleName": named.get("name")}, {"PermissionsBoundary": named.get("boundary")}
        user = {"UserName": named["user"]} if "user" in named else {}
        made = {"Path": named["path"]} if "path" in named else {}
        made |= boundary if "boundary" in named else {}
        made |= {"Tags": tags(named["tags"])} if "tags" in named else {}
        trust = {"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "sts:AssumeRole"}
        trust = {"AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": trust})}
        return {
            "ListUsers": lambda: (iam.list_users, {}),
            "ListRoles": lambda: (iam.list_roles, {}),
            "GetUser": lambda: (iam.get_user, user),
            "CreateUser": lambda: (iam.create_user, {"UserName": named["name"]} | made),
            "ListAccessKeys": lambda: (iam.list_access_keys, user),
            "CreateRole": lambda: (iam.create_role, role | made | trust),
            "GetRole": lambda: (iam.get_role, role),
            "ListRolePolicies": lambda: (iam.list_role_policies, role),
            "TagRole": lambda: (iam.tag_role, role | {"Tags": tags(named["tags"])}),
            "AttachRolePolicy": lambda: (iam.attach_role_policy, role | {"PolicyArn": named["arn"]}),
            "PutRolePermissionsBoundary": lambda: (iam.put_role_permissions_boundary, role | boundary),
            "DeleteRolePermissionsBoundary": lambda: (iam.delete_role_permissions_boundary, role),
        }[name]()

    def sts(self, name, _, named):
        sts = self.clients["sts"]
        if name == "GetCallerIdentity":
            return sts.get_caller_identity, {}
        assert name == "AssumeRole"
        members = {"RoleArn": self.words["TARGET"], "RoleSessionName": named.get("name", "test")}
        if "external" in named:
            members["ExternalId"] = named["external"]
        if "source" in named:
            members["SourceIdentity"] = named["source"]
        if "tags" in named:
            members["Tags"] = tags(named["tags"])
        if "transitive" in named:
            members["TransitiveTagKeys"] = named["transitive"].split(",")
        return sts.assume_role, members

    def logs(self, name, *_):
        assert name == "DescribeLogGroups"
        return self.clients["logs"].describe_log_groups, {}

    def ecr(self, name, *_):
        ecr = self.clients["ecr"]
        calls = {"GetAuthorizationToken": ecr.get_authorization_token, "DescribeRepositories": ecr.describe_repositories}
        return calls[name], {}

    def sagemaker(self, name, *_):
        assert name == "ListTrainingJobs"
        return self.clients["sagemaker"].list_training_jobs, {}


def word(error):
    """A refusal in the table's word; another error as it is."""
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code not in ("AccessDenied", "AccessDeniedException"):
        return f"{code}: {message}"
    for said, kind in KINDS.items():
        if re.search(f"because no {said} allows the [a-z0-9]+:[A-Za-z0-9]+ action$", message):
            return f"no-{kind}"
        if re.search(f"with an explicit deny in an? {said}$", message):
            return f"deny-{kind}"
    return f"{code}: {message}"


def ask_scene(world, owner, number, scene):
    it = Scene(world, owner, number, scene)
    return [
        f"{scene['name']}: {operation} {' '.join(arguments)}: {expected}, not {got}"
        for expected, operation, arguments in scene["rows"]
        if (got := it.ask(operation, arguments)) != expected
    ]


def test_policies_allow_and_refuse_as_the_table_says(sandbox):
    table = scenes()
    assert sum(len(scene["rows"]) for scene in table) >= 400
    owner = {service: sandbox.client(service) for service in ("iam", "kms", "sts", "s3")}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        wrong = list(pool.map(lambda scene: ask_scene(sandbox, owner, *scene), enumerate(table)))
    assert [row for rows in wrong for row in rows] == []
