"""The policy documents of assets/policies. With exactly one of them its capability works; without any one of its actions it
is refused by that action's name, and what was refused has changed nothing."""

import concurrent.futures
import contextlib
import copy
import difflib
import json
import os
import pathlib
import re
import shutil

import capabilities as acts
import pytest
from conftest import World, _sandbox, _stopped
from person import Person, Refused, squeezed, user
from small_registry import SmallRegistry

ROOT = pathlib.Path(__file__).parent.parent.parent
POLICIES = ROOT / "assets" / "policies"
ACCOUNT, REGION = "111122223333", "us-east-1"
IMAGES = ["--image", "echoes=echo hello", "--image", "sleeps=sleep 60"]
SERVICES = ("kms", "s3", "iam", "sagemaker", "ecr")
AT_ONCE = 3
# Each attempt has a world of its own: all of them take a quarter of an hour on two cores. STRONGROOM_LONG=1 tries all, without
# it every fifth.
EVERY = 1 if os.environ.get("STRONGROOM_LONG", "0") != "0" else 5

# Of each document: what is done with it.
ACTS = {
    "browse-keys": [acts.browse_keys],
    "browse-grants": [acts.browse_grants],
    "browse-objects": [acts.browse_objects],
    "browse-jobs": [acts.browse_jobs, acts.browse_processing_jobs],
    "stop-processing": [acts.start_processing, acts.stop_processing],
    "encrypt": [acts.encrypt],
    "resume": [acts.interrupt("long.bin"), acts.go_on, acts.interrupt("again.bin"), acts.start_again],
    "decrypt": [acts.decrypt_one, acts.decrypt, acts.verify],
    "audit": [acts.audit, acts.audit_versions],
    "rewrap": [acts.tag, acts.rewrap_data],
    "rotate": [acts.tag, acts.rotate_ahead, acts.rotate],
    "encrypt-objects": [
        acts.put_plain,
        acts.encrypt_objects_ahead,
        acts.encrypt_objects,
        acts.put_plain_where_versions_are_kept,
        acts.encrypt_objects,
    ],
    "audit-on-processing": [acts.audit_on_processing, acts.audit_versions_on_processing],
    "rewrap-on-processing": [acts.rewrap_on_processing],
    "grants": [acts.grant, acts.revoke, acts.retire],
    "roles": [
        acts.new_role,
        acts.of_role("role policies", "Who may assume it", "strongroom-training"),
        acts.trust_me,
        acts.of_role("distrust me", "You may no longer assume the role mine"),
        acts.detach("strongroom-training"),
        acts.delete_role,
        acts.new_full_role,
        acts.detach("arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"),
    ],
    "train": [acts.clone, acts.train, acts.stop, acts.clone_it],
    "preflight": [acts.preflight, acts.preflight_of_what_is_brought],
    "prove": [acts.prove, acts.story],
    "reason": [acts.reason],
    "who-did": [acts.who],
    "create-keys": [acts.new_key],
    "manage-keys": [
        acts.look_at_key,
        acts.key_action("add alias", "One more alias", "Added alias/zebra", "zebra", acts.ENTER),
        acts.key_action("move alias", "Let an alias point", "Moved alias/zebra", "zebra", acts.ENTER, question="alias/zebra"),
        acts.key_action("delete alias", "Delete an alias", "Deleted alias/zebra", acts.CLEAR, "zebra", acts.ENTER, question="Delete alias/"),
        acts.key_action("tags", "Tags of", "Tagged the key", "team=blue", acts.TAB, "old", acts.ENTER),
        acts.key_action("description", "Description of", "Described the key", "What it is for", acts.ENTER),
        acts.key_action("rotation on", None, "Switched"),
        acts.key_action("rotation off", None, "Switched"),
        acts.edit_policy,
        acts.disable,
        acts.enable,
    ],
    "delete-keys": [acts.start_a_job, acts.dependents, acts.disable, acts.give_up, acts.take_back],
    "create-buckets": [acts.new_bucket],
    "delete-objects": [acts.delete_objects],
    "delete-buckets": [acts.leave_an_upload, acts.empty_bucket, acts.delete_bucket],
    "data-keys": [acts.message, acts.data_key, acts.rewrap],
    "images": [acts.new_repository, acts.push],
    "clean-up": [acts.bear_tags, acts.plan_clean_up, *[acts.take_down] * 7, acts.nothing_is_left],
}
# What the placeholders stand for, where it is not what it is for most.
WORDS = {
    "roles": {"ROLE": "mine"},
    "create-keys": {"ALIAS": "ledger"},
    "create-buckets": {"BUCKET": "sagemaker-mine"},
    "manage-keys": {"ALIAS": "*"},
    "images": {"REPOSITORY": "mine"},
    "reason": {"ROLE": "untrusting"},
}
# Of these a registry has an image in this repository.
BEFORE = {"preflight": "example-image"}
# Where something is left out and the rest goes on: what is said of it, if not in AWS's own words.
SAID = {
    ("browse-keys", "kms:GetKeyRotationStatus"): "Rotation unknown",
    # What is not known of a key is said, and of the objects everything else.
    ("audit", "kms:DescribeKey"): '"unknown":"AccessDeniedException"',
    ("audit", "kms:ListAliases"): '"alias_unknown":"AccessDeniedException"',
    ("rewrap", "s3:ListBucketVersions"): "older versions could not be counted",
    ("rewrap-on-processing", "s3:ListBucketVersions"): "older versions could not be counted",
    # Whose the objects are is asked of the bucket in another way then.
    ("rewrap", "s3:GetBucketOwnershipControls"): "s3:GetBucketAcl",
    ("rotate", "s3:GetBucketOwnershipControls"): "s3:GetBucketAcl",
    ("encrypt-objects", "s3:GetBucketOwnershipControls"): "s3:GetBucketAcl",
    ("rotate", "s3:GetBucketVersioning"): '"versions":"unknown"',
    ("encrypt-objects", "s3:GetBucketVersioning"): '"versions":"unknown"',
    # A new data key for all of it.
    ("resume", "kms:Decrypt"): '"resumed":false',
    ("clean-up", "s3:ListBucketVersions"): "older versions could not be listed",
    ("delete-buckets", "s3:ListBucketVersions"): "older versions could not be listed",
    ("preflight", "iam:GetPolicy"): "could not be read, and may deny it: AmazonSageMakerReadOnly",
    ("preflight", "iam:GetPolicyVersion"): "could not be read, and may deny it: AmazonSageMakerReadOnly",
    ("preflight", "sts:AssumeRole"): "reasoned from policies and grants",
    ("prove", "sts:AssumeRole"): '"method":"reasoned"',
    ("reason", "iam:GetPolicy"): "could not be read: the policy arn:aws:iam::aws:policy/AmazonSageMakerReadOnly",
    ("reason", "iam:GetPolicyVersion"): "could not be read: the policy arn:aws:iam::aws:policy/AmazonSageMakerReadOnly",
}
# What is not taken back, for it cannot be or that would take another permission, is named in the refusal. An upload that cannot
# go on is thrown away.
LEFT = {
    # The new data key was kept by then, beside the old one.
    ("rewrap", "s3:GetObjectTagging"): "every object opens as before",
    ("rewrap", "s3:PutObjectTagging"): "every object opens as before",
    ("create-keys", "kms:CreateAlias"): "the key itself was created: arn:aws:kms:",
    ("manage-keys", "kms:UntagResource"): "what was to be set is set",
    ("clean-up", "iam:ListRolePolicies"): "taken off it were arn:aws:iam::aws:policy/AmazonSageMakerReadOnly",
    ("clean-up", "iam:GetRolePolicy"): "taken off it were arn:aws:iam::aws:policy/AmazonSageMakerReadOnly",
    ("clean-up", "iam:DeleteRolePolicy"): "taken off it were arn:aws:iam::aws:policy/AmazonSageMakerReadOnly",
    ("clean-up", "iam:DeleteRole"): "taken off it were arn:aws:iam::aws:policy/AmazonSageMakerReadOnly, data",
    ("train", "sagemaker:CreateTrainingJob"): "own.json was written for it and is still there",
    ("train", "sagemaker:AddTags"): "own.json was written for it and is still there",
    ("train", "iam:PassRole"): "own.json was written for it and is still there",
    # The list stays, for whoever goes on with it; so does the job.
    ("audit-on-processing", "sagemaker:CreateProcessingJob"): "the list is whole",
    ("audit-on-processing", "sagemaker:AddTags"): "the list is whole",
    ("audit-on-processing", "iam:PassRole"): "the list is whole",
    ("audit-on-processing", "sagemaker:DescribeProcessingJob"): "goes on: --resume",
    ("audit-on-processing", "s3:GetObject"): "goes on: --resume",
    # So does that of a re-wrap, with the data keys that KMS had wrapped by then; or with nothing but why none could be.
    ("rewrap-on-processing", "kms:ReEncryptFrom"): "every object opens as before",
    ("rewrap-on-processing", "kms:ReEncryptTo"): "every object opens as before",
    ("rewrap-on-processing", "kms:Decrypt"): "every object opens as before",
    ("rewrap-on-processing", "sagemaker:CreateProcessingJob"): "the list is whole",
    ("rewrap-on-processing", "sagemaker:AddTags"): "the list is whole",
    ("rewrap-on-processing", "iam:PassRole"): "the list is whole",
    ("rewrap-on-processing", "sagemaker:DescribeProcessingJob"): "goes on: --resume",
    # Of what could not be looked at all is told before any host would begin.
    ("rewrap-on-processing", "s3:GetObject"): "there is nothing for hosts to do",
    # The token is there, and what was plain stays until it was read back.
    ("encrypt-objects", "kms:Decrypt"): '"before":"undeleted"',
    ("encrypt-objects", "s3:DeleteObject"): '"before":"undeleted"',
    ("encrypt-objects", "s3:DeleteObjectVersion"): '"before":"undeleted"',
    ("rotate", "s3:PutObjectTagging"): "a key object that no token needs is left",
    # What was uploaded in part goes first.
    ("delete-buckets", "s3:DeleteObjectVersion"): "delete s3://sagemaker-data/",
    ("clean-up", "s3:DeleteBucket"): "delete bucket sagemaker-data",
    ("resume", "s3:ListMultipartUploadParts"): "list the parts of",
    ("prove", "kms:RevokeGrant"): "yourself: it was made for this proof",
}


class Room:
    """A world of its own: a copy of the one that was prepared."""

    def __init__(self, folder, prepared=None, repository=None):
        folder.mkdir(parents=True)
        self.registry = repository and SmallRegistry(repository, ["python3", "train.py"])
        self.home, world = folder / "home", folder / "world"
        if prepared is None:
            self.home.mkdir()
        else:
            shutil.copytree(prepared / "home", self.home)
            shutil.copytree(prepared / "world", world)
        before = ["--registry", self.registry.address] if self.registry else []
        self._process = _sandbox(folder, "--empty", "--dir", str(world), *IMAGES, *before)
        said = json.loads(self._process.stdout.readline())
        self.world = World(
            said["AWS_ENDPOINT_URL"], said["AWS_ACCESS_KEY_ID"], said["AWS_SECRET_ACCESS_KEY"], said["AWS_DEFAULT_REGION"]
        )
        self.admin = {service: self.world.client(service) for service in SERVICES}
        if repository:
            self.admin["ecr"].create_repository(repositoryName=repository)

    def close(self):
        _stopped(self._process)
        if self.registry:
            self.registry.close()

    def state(self):
        """All of the world that an act could change."""
        kms, s3, iam, sagemaker, ecr = (self.admin[service] for service in SERVICES)
        keys = [
            (
                kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"],
                kms.list_grants(KeyId=key["KeyId"])["Grants"],
                kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"],
                kms.list_resource_tags(KeyId=key["KeyId"])["Tags"],
            )
            for key in kms.list_keys()["Keys"]
        ]
        buckets = [
            (
                bucket["Name"],
                s3.list_object_versions(Bucket=bucket["Name"]).get("Versions", []),
                [upload["UploadId"] for upload in s3.list_multipart_uploads(Bucket=bucket["Name"]).get("Uploads", [])],
            )
            for bucket in s3.list_buckets()["Buckets"]
        ]
        roles = [
            (
                role,
                iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"],
                iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"],
            )
            for role in iam.list_roles()["Roles"]
        ]
        jobs = [(job["TrainingJobName"], job["TrainingJobStatus"]) for job in sagemaker.list_training_jobs()["TrainingJobSummaries"]]
        processing = sagemaker.list_processing_jobs()["ProcessingJobSummaries"]
        jobs += [(job["ProcessingJobName"], job["ProcessingJobStatus"]) for job in processing]
        repositories = ecr.describe_repositories()["repositories"]
        return json.dumps([keys, kms.list_aliases()["Aliases"], buckets, roles, jobs, repositories], default=str, indent=1)


@contextlib.contextmanager
def room(folder, prepared=None, repository=None):
    opened = Room(folder, prepared, repository)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A world with a key, a role, data under the key, a job that has run, and a person without rights; and what their key is."""
    folder = tmp_path_factory.mktemp("administrators") / "prepared"
    with room(folder) as made:
        kms, s3, iam, sagemaker = (made.admin[service] for service in SERVICES[:4])
        person = user(made.admin, made.world, "person")
        key = kms.create_key(Tags=[{"TagKey": "old", "TagValue": "1"}])["KeyMetadata"]
        kms.create_alias(AliasName="alias/training", TargetKeyId=key["KeyId"])
        s3.create_bucket(Bucket=acts.BUCKET)
        roles = {}
        for name, trusted in [
            ("trainer", {"Service": "sagemaker.amazonaws.com", "AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
            ("untrusting", {"Service": "sagemaker.amazonaws.com"}),
        ]:
            trust = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
            roles[name] = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
            own = [
                {"Effect": "Allow", "Action": ["s3:*", "logs:*"], "Resource": "*"},
                {"Effect": "Allow", "Action": "kms:DescribeKey", "Resource": "*"},
            ]
            document = json.dumps({"Version": "2012-10-17", "Statement": own})
            iam.put_role_policy(RoleName=name, PolicyName="data", PolicyDocument=document)
            iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerReadOnly")
        kms.create_grant(
            KeyId=key["KeyId"], GranteePrincipal=roles["untrusting"], Operations=["Decrypt"], Name="feature-pipeline"
        )
        admin = Person(made.world, made.home)
        (made.home / "x.csv").write_text(acts.TABLE)
        admin.run("encrypt", "x.csv", acts.DATA, "--key", "alias/training")
        sagemaker.create_training_job(
            TrainingJobName="first",
            RoleArn=roles["trainer"],
            AlgorithmSpecification={"TrainingImage": "echoes", "TrainingInputMode": "File"},
            InputDataConfig=[
                {
                    "ChannelName": "train",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": acts.DATA + "x.csv"}},
                }
            ],
            OutputDataConfig={"S3OutputPath": f"s3://{acts.BUCKET}/output"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
        acts.process(made, "second", "echoes")
        admin.run("watch", "first")
        admin.run("watch", "processing-job/second")
    return folder, person.variables, key["KeyId"]


def document(name, key_id):
    """The document with all of its placeholders filled in."""
    words = {
        "ACCOUNT": ACCOUNT,
        "REGION": REGION,
        "KEY_ID": key_id,
        "BUCKET": acts.BUCKET,
        "ROLE": "trainer",
        "ALIAS": "training",
        "REPOSITORY": "example-image",
        **WORDS.get(name, {}),
    }
    text = (POLICIES / f"{name}.json").read_text()
    filled = re.sub(r"\b[A-Z_]{4,}\b", lambda found: words[found[0]], text)
    return json.loads(filled)


def actions(policy):
    return [action for statement in policy["Statement"] for action in statement["Action"]]


def without(policy, action):
    policy = copy.deepcopy(policy)
    for statement in policy["Statement"]:
        statement["Action"] = [other for other in statement["Action"] if other != action]
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Action"]]
    return policy


def attempt(folder, prepared, name, lacks):
    """What is wrong with what a person with this document, but for an action that it lacks, sees and leaves."""
    of_prepared, variables, key_id = prepared
    policy = document(name, key_id)
    with room(folder, of_prepared, BEFORE.get(name)) as here:
        if lacks:
            policy = without(policy, lacks)
        if policy["Statement"]:
            here.admin["iam"].put_user_policy(
                UserName="person", PolicyName="exactly", PolicyDocument=json.dumps(policy)
            )
        own = {key: variables[key] for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        world = copy.copy(here.world)
        world.variables = {**world.variables, **own}
        person = Person(world, here.home, lacks, SAID.get((name, lacks)))
        try:
            for act in ACTS[name]:
                before = here.state() if lacks else None
                try:
                    act(person, here)
                except Refused as refused:
                    after = here.state()
                    if after == before or refused.is_partial:
                        return None
                    return half_done(name, lacks, f"{refused}\n{person.messages()}", before, after)
            if lacks is None:
                return None
            # What only lacks something is done, and says in a message what it lacks.
            if person.is_refused(person.messages()):
                return None
            return f"{name} without {lacks}: nothing is refused"
        finally:
            person.get_up()


def half_done(name, lacks, told, before, after):
    """A complaint, unless what is left is told."""
    if (name, lacks) in LEFT and squeezed(LEFT[name, lacks]) in squeezed(told):
        return None
    changes = "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm=""))
    return f"{name} without {lacks}: refused half done:\n{told}\n{changes}"


@pytest.mark.parametrize("name", ACTS)
def test_with_exactly_its_document_a_capability_works(name, prepared, tmp_path):
    assert attempt(tmp_path / "room", prepared, name, None) is None


@pytest.mark.parametrize("name", ACTS)
def test_without_any_one_of_its_actions_a_capability_is_refused_by_name_and_nothing_is_half_done(
    name, prepared, tmp_path
):
    lacks = actions(document(name, prepared[2]))
    assert len(set(lacks)) == len(lacks)

    def one(action):
        try:
            return attempt(tmp_path / action.replace(":", "-"), prepared, name, action)
        except (AssertionError, pytest.fail.Exception) as error:
            return f"{name} without {action}: {error}"

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = [complaint for complaint in pool.map(one, lacks[::EVERY]) if complaint]
    assert not wrong, "\n".join(wrong)


def test_every_document_has_its_acts():
    assert sorted(path.stem for path in POLICIES.glob("*.json")) == sorted(ACTS)
