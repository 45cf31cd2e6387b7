"""Two accounts and two regions in one sandbox, as boto3 sees them."""

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from conftest import _sandbox, _stopped

OURS, THEIRS = "111122223333", "444455556666"
HERE, THERE = "us-east-1", "eu-west-1"
OPTIONS = ("--empty", "--account", OURS, "--account", THEIRS, "--region", HERE, "--region", THERE)


class Accounts:
    """A sandbox's accounts."""

    def __init__(self, said):
        self.endpoint, self.said = said["AWS_ENDPOINT_URL"], said
        self.keys = {account["id"]: account for account in said["accounts"]}

    def client(self, service, account=OURS, region=HERE, credentials=None):
        """Of an account's administrator, or of a session."""
        of = self.keys[account]
        credentials = credentials or {
            "AccessKeyId": of["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": of["AWS_SECRET_ACCESS_KEY"],
        }
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials.get("SessionToken"),
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )

    def role(self, name, account, trusted, *statements):
        """Makes a role with an inline policy; its ARN."""
        iam = self.client("iam", account)
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=policy(allow("sts:AssumeRole", Principal={"AWS": trusted}, Resource=None)),
        )
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*statements))
        return role["Role"]["Arn"]

    def session(self, role, account=OURS):
        """Credentials of a role, assumed by an account's administrator."""
        return self.client("sts", account).assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]


def allow(action, Resource="*", Effect="Allow", **more):
    statement = {"Effect": Effect, "Action": action, **more}
    return statement | ({"Resource": Resource} if Resource else {})


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def root(account):
    return f"arn:aws:iam::{account}:root"


def refused(call, **arguments):
    """The error of a call that must fail: code and message."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def code(call, **arguments):
    return refused(call, **arguments)[0]


def own_key(accounts, *statements, region=HERE, **more):
    """A key of ours, whose policy says this besides delegating to our own IAM."""
    whole = policy(allow("kms:*", Principal={"AWS": root(OURS)}), *statements)
    made = accounts.client("kms", OURS, region).create_key(Policy=whole, **more)
    return made["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    process = _sandbox(tmp_path_factory.mktemp("accounts"), *OPTIONS)
    yield Accounts(json.loads(process.stdout.readline()))
    _stopped(process)


class TestAccounts:
    def test_each_has_its_administrator_and_the_first_is_the_one_that_is_printed(self, accounts):
        said = accounts.said
        assert [account["id"] for account in said["accounts"]] == [OURS, THEIRS]
        assert said["regions"] == [HERE, THERE] and said["AWS_REGION"] == HERE
        assert said["accounts"][0]["AWS_ACCESS_KEY_ID"] == said["AWS_ACCESS_KEY_ID"]
        for account in (OURS, THEIRS):
            who = accounts.client("sts", account).get_caller_identity()
            assert who["Account"] == account and who["Arn"] == f"arn:aws:iam::{account}:user/strongroom"

    def test_neither_sees_what_the_other_made(self, accounts):
        arn = own_key(accounts)
        accounts.client("iam").create_user(UserName="ours")
        assert arn not in [key["KeyArn"] for key in accounts.client("kms", THEIRS).list_keys()["Keys"]]
        assert code(accounts.client("iam", THEIRS).get_user, UserName="ours") == "NoSuchEntity"
        logs = accounts.client("logs")
        logs.create_log_group(logGroupName="ours")
        assert accounts.client("logs", THEIRS).describe_log_groups()["logGroups"] == []
        assert accounts.client("logs", OURS, THERE).describe_log_groups()["logGroups"] == []

    def test_an_arn_or_a_registry_of_another_account_names_nothing_here(self, accounts):
        accounts.client("logs").create_log_group(logGroupName="named")
        accounts.client("ecr").create_repository(repositoryName="named")
        theirs = accounts.client("logs", THEIRS)
        theirs.create_log_group(logGroupName="named")
        arn = f"arn:aws:logs:{HERE}:{OURS}:log-group:named"
        assert accounts.client("logs").describe_log_streams(logGroupIdentifier=arn)["logStreams"] == []
        assert code(theirs.describe_log_streams, logGroupIdentifier=arn) == "ResourceNotFoundException"
        ecr = accounts.client("ecr", THEIRS)
        assert code(ecr.describe_repositories, registryId=OURS) == "AccessDeniedException"
        repository = f"arn:aws:ecr:{HERE}:{OURS}:repository/named"
        ecr.create_repository(repositoryName="named")
        assert code(ecr.list_tags_for_resource, resourceArn=repository) == "RepositoryNotFoundException"
        assert accounts.client("ecr").list_tags_for_resource(resourceArn=repository)["tags"] == []

    def test_iam_is_asked_in_one_region_also_where_the_world_has_another(self, tmp_path):
        process = _sandbox(tmp_path, "--empty", "--region", THERE)
        alone = Accounts(json.loads(process.stdout.readline()))
        for region in (HERE, THERE):
            alone.client("iam", region=region).list_users()
        assert code(alone.client("kms").list_keys) == "InvalidSignatureException"
        _stopped(process)

    def test_a_world_opens_again_with_the_accounts_and_regions_that_it_had(self, tmp_path):
        folder = tmp_path / "world"
        process = _sandbox(tmp_path, "--dir", folder, *OPTIONS)
        first = Accounts(json.loads(process.stdout.readline()))
        theirs = first.client("kms", THEIRS, THERE).create_key()["KeyMetadata"]["Arn"]
        first.client("s3", THEIRS, THERE).create_bucket(
            Bucket="kept-bucket", CreateBucketConfiguration={"LocationConstraint": THERE}
        )
        process.kill()
        process.wait()
        process = _sandbox(tmp_path, "--dir", folder)
        again = Accounts(json.loads(process.stdout.readline()))
        assert again.said["accounts"] == first.said["accounts"] and again.said["regions"] == [HERE, THERE]
        assert [key["KeyArn"] for key in again.client("kms", THEIRS, THERE).list_keys()["Keys"]] == [theirs]
        assert again.client("s3", THEIRS, THERE).head_bucket(Bucket="kept-bucket")["BucketRegion"] == THERE
        _stopped(process)

    @pytest.mark.parametrize("wrong", [("--account", "12345"), ("--region", "Frankfurt")])
    def test_what_is_no_account_or_region_is_refused(self, tmp_path, wrong):
        process = _sandbox(tmp_path, "--empty", *wrong)
        assert process.wait(20) != 0
        assert wrong[1] in (tmp_path / "sandbox.err").read_text()


class TestKeysAcrossAccounts:
    def test_key_policy_and_identity_policy_must_both_allow(self, accounts):
        use = ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"]
        let_in = own_key(accounts, allow(use, Principal={"AWS": root(THEIRS)}))
        shut = own_key(accounts)
        mighty = accounts.role("mighty", THEIRS, root(THEIRS), allow("kms:*"))
        bare = accounts.role("bare", THEIRS, root(THEIRS))
        outcomes = {}
        for name, role in (("mighty", mighty), ("bare", bare)):
            kms = accounts.client("kms", credentials=accounts.session(role, THEIRS))
            for key in (let_in, shut):
                try:
                    kms.encrypt(KeyId=key, Plaintext=b"hello")
                    outcomes[name, key] = "allowed"
                except ClientError as error:
                    message = error.response["Error"]["Message"]
                    outcomes[name, key] = message.split("because ")[1].split(" allows")[0]
        assert outcomes == {
            ("mighty", let_in): "allowed",
            ("bare", let_in): "no identity-based policy",
            ("mighty", shut): "no resource-based policy",
            ("bare", shut): "no resource-based policy",
        }

    def test_a_policy_that_names_the_other_accounts_role_needs_the_roles_own_too(self, accounts):
        role = accounts.role("named", THEIRS, root(THEIRS))
        key = own_key(accounts, allow("kms:Decrypt", Principal={"AWS": role}))
        blob = accounts.client("kms").encrypt(KeyId=key, Plaintext=b"hello")["CiphertextBlob"]
        kms = accounts.client("kms", credentials=accounts.session(role, THEIRS))
        assert "no identity-based policy" in refused(kms.decrypt, CiphertextBlob=blob)[1]
        accounts.client("iam", THEIRS).put_role_policy(
            RoleName="named", PolicyName="own", PolicyDocument=policy(allow("kms:Decrypt", key))
        )
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"hello"

    def test_a_grant_to_the_other_accounts_role_suffices_until_it_is_revoked(self, accounts):
        role = accounts.role("grantee", THEIRS, root(THEIRS))
        key = own_key(accounts)
        ours = accounts.client("kms")
        blob = ours.encrypt(KeyId=key, Plaintext=b"hello")["CiphertextBlob"]
        theirs = accounts.client("kms", credentials=accounts.session(role, THEIRS))
        assert code(theirs.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
        grant = ours.create_grant(KeyId=key, GranteePrincipal=role, Operations=["Decrypt"], RetiringPrincipal=role)
        assert theirs.decrypt(CiphertextBlob=blob, KeyId=key)["KeyId"] == key
        assert ours.list_grants(KeyId=key)["Grants"][0]["IssuingAccount"] == root(OURS)
        assert accounts.client("kms", THEIRS).list_retirable_grants(RetiringPrincipal=role)["Grants"]
        assert code(ours.list_retirable_grants, RetiringPrincipal=role) == "InvalidArnException"
        ours.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
        assert code(theirs.decrypt, CiphertextBlob=blob) == "AccessDeniedException"

    def test_what_administers_a_key_is_its_own_accounts(self, accounts):
        key = own_key(accounts, allow("kms:*", Principal={"AWS": root(THEIRS)}))
        theirs = accounts.client("kms", THEIRS)
        assert theirs.describe_key(KeyId=key)["KeyMetadata"]["AWSAccountId"] == OURS
        for call, more in (
            (theirs.disable_key, {}),
            (theirs.schedule_key_deletion, {}),
            (theirs.get_key_policy, {}),
            (theirs.tag_resource, {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ):
            assert code(call, KeyId=key, **more) == "AccessDeniedException"
        assert code(theirs.create_alias, AliasName="alias/theirs", TargetKeyId=key) == "NotFoundException"
        bare = key.rsplit("/", 1)[1]
        assert code(theirs.describe_key, KeyId=bare) == "NotFoundException"

    @pytest.mark.parametrize("condition", ["aws:PrincipalAccount", "kms:CallerAccount"])
    def test_a_condition_tells_the_callers_account(self, accounts, condition):
        key = own_key(
            accounts,
            allow("kms:Encrypt", Principal={"AWS": "*"}, Condition={"StringEquals": {condition: THEIRS}}),
        )
        accounts.client("kms", THEIRS).encrypt(KeyId=key, Plaintext=b"x")
        other = own_key(
            accounts,
            allow("kms:Encrypt", Principal={"AWS": "*"}, Condition={"StringEquals": {condition: "123456789012"}}),
        )
        assert code(accounts.client("kms", THEIRS).encrypt, KeyId=other, Plaintext=b"x") == "AccessDeniedException"


class TestRolesAcrossAccounts:
    def test_the_roles_trust_and_the_callers_policy_must_both_allow(self, accounts):
        trusting = accounts.role("trusting", OURS, root(THEIRS))
        closed = accounts.role("closed", OURS, root(OURS))
        arn = accounts.session(trusting, THEIRS)
        who = accounts.client("sts", credentials=arn).get_caller_identity()
        assert who["Account"] == OURS and who["Arn"] == f"arn:aws:sts::{OURS}:assumed-role/trusting/test"
        sts = accounts.client("sts", THEIRS)
        assert code(sts.assume_role, RoleArn=closed, RoleSessionName="test") == "AccessDenied"
        bare = accounts.role("walker", THEIRS, root(THEIRS))
        named = accounts.role("names-walker", OURS, bare)
        walker = accounts.client("sts", credentials=accounts.session(bare, THEIRS))
        for role in (trusting, named):
            message = refused(walker.assume_role, RoleArn=role, RoleSessionName="test")[1]
            assert "no identity-based policy allows the sts:AssumeRole action" in message
        with pytest.raises(ClientError) as caught:
            accounts.role("names-nobody", OURS, f"arn:aws:iam::{THEIRS}:role/nobody")
        assert caught.value.response["Error"]["Code"] == "MalformedPolicyDocument"
        nowhere = "arn:aws:iam::123456789012:role/any"
        assert code(sts.assume_role, RoleArn=nowhere, RoleSessionName="test") == "AccessDenied"


class TestBuckets:
    def test_a_bucket_is_made_where_the_request_goes_and_told_so(self, accounts):
        here, there = accounts.client("s3"), accounts.client("s3", region=THERE)
        here.create_bucket(Bucket="bucket-here")
        there.create_bucket(Bucket="bucket-there", CreateBucketConfiguration={"LocationConstraint": THERE})
        # us-east-1 makes buckets of other regions too.
        here.create_bucket(Bucket="bucket-told", CreateBucketConfiguration={"LocationConstraint": THERE})
        for endpoint, bucket in ((here, "bucket-of-europe"), (there, "bucket-of-old")):
            endpoint.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "EU"})
        told = (("bucket-here", None), ("bucket-there", THERE), ("bucket-told", THERE))
        for bucket, location in (*told, ("bucket-of-europe", "EU"), ("bucket-of-old", "EU")):
            assert here.get_bucket_location(Bucket=bucket)["LocationConstraint"] == location
        regions = {row["Name"]: row["BucketRegion"] for row in here.list_buckets()["Buckets"]}
        assert regions["bucket-here"] == HERE and regions["bucket-there"] == THERE
        assert regions["bucket-of-europe"] == regions["bucket-of-old"] == THERE
        only = there.list_buckets(BucketRegion=THERE)["Buckets"]
        assert {"bucket-there", "bucket-told"} <= {row["Name"] for row in only}
        assert "bucket-here" not in {row["Name"] for row in only}

    @pytest.mark.parametrize(
        "region, constraint, expected, told",
        [
            (HERE, HERE, "InvalidLocationConstraint", None),
            (HERE, "foo", "InvalidLocationConstraint", None),
            (THERE, None, "IllegalLocationConstraintException", "unspecified"),
            (THERE, HERE, "IllegalLocationConstraintException", HERE),
            (THERE, "bar", "IllegalLocationConstraintException", "bar"),
        ],
    )
    def test_another_place_than_the_endpoints_is_refused(self, accounts, region, constraint, expected, told):
        more = {"CreateBucketConfiguration": {"LocationConstraint": constraint}} if constraint else {}
        said, message = refused(accounts.client("s3", region=region).create_bucket, Bucket="never-made", **more)
        assert said == expected
        if told:
            assert message.startswith(f"The {told} location constraint is incompatible for the region specific endpoint")

    def test_from_another_region_it_is_a_redirect_that_names_the_region(self, accounts):
        there = accounts.client("s3", region=THERE)
        there.create_bucket(Bucket="redirected", CreateBucketConfiguration={"LocationConstraint": THERE})
        there.put_object(Bucket="redirected", Key="k", Body=b"body")
        here = accounts.client("s3")
        seen = []
        here.meta.events.register("response-received.s3", lambda parsed_response, **_: seen.append(parsed_response))
        # boto3 follows by itself, once it knows the region.
        assert here.get_object(Bucket="redirected", Key="k")["Body"].read() == b"body"
        first = seen[0]
        assert first["ResponseMetadata"]["HTTPStatusCode"] == 301
        assert first["Error"]["Code"] == "PermanentRedirect"
        assert first["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == THERE
        for call, more in (("head_bucket", {}), ("head_object", {"Key": "k"})):
            fresh, seen[:] = accounts.client("s3"), []
            fresh.meta.events.register("response-received.s3", lambda parsed_response, **_: seen.append(parsed_response))
            getattr(fresh, call)(Bucket="redirected", **more)
            assert seen[0]["ResponseMetadata"]["HTTPStatusCode"] == 301
            assert seen[0]["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == THERE

    def test_a_name_is_taken_for_everybody(self, accounts):
        ours, theirs = accounts.client("s3", region=THERE), accounts.client("s3", THEIRS)
        configuration = {"CreateBucketConfiguration": {"LocationConstraint": THERE}}
        ours.create_bucket(Bucket="taken", **configuration)
        assert code(ours.create_bucket, Bucket="taken", **configuration) == "BucketAlreadyOwnedByYou"
        assert code(accounts.client("s3").create_bucket, Bucket="taken") == "BucketAlreadyOwnedByYou"
        assert code(theirs.create_bucket, Bucket="taken") == "BucketAlreadyExists"
        assert "taken" not in [row["Name"] for row in theirs.list_buckets()["Buckets"]]

    def test_another_accounts_bucket_is_shut_whatever_ones_own_policy_allows(self, accounts):
        ours, theirs = accounts.client("s3"), accounts.client("s3", THEIRS)
        ours.create_bucket(Bucket="private-bucket")
        ours.put_object(Bucket="private-bucket", Key="k", Body=b"body")
        for call, more in (
            (theirs.get_object, {"Key": "k"}),
            (theirs.put_object, {"Key": "k2", "Body": b""}),
            (theirs.list_objects_v2, {}),
            (theirs.delete_bucket, {}),
        ):
            assert code(call, Bucket="private-bucket", **more) == "AccessDenied"
        theirs.create_bucket(Bucket="their-bucket")
        copy = {"Bucket": "private-bucket", "Key": "k"}
        assert code(theirs.copy_object, Bucket="their-bucket", Key="k", CopySource=copy) == "AccessDenied"

    def test_a_bucket_policy_and_the_callers_own_must_both_let_in(self, accounts):
        ours = accounts.client("s3")
        ours.create_bucket(Bucket="shared-bucket")
        ours.put_object(Bucket="shared-bucket", Key="k", Body=b"body")
        mighty = accounts.role("s3-mighty", THEIRS, root(THEIRS), allow("s3:*"))
        bare = accounts.role("s3-bare", THEIRS, root(THEIRS))
        objects = "arn:aws:s3:::shared-bucket/*"
        for principal in (root(THEIRS), [mighty, bare]):
            let_in = policy(allow("s3:GetObject", objects, Principal={"AWS": principal}))
            ours.put_bucket_policy(Bucket="shared-bucket", Policy=let_in)
            s3 = accounts.client("s3", credentials=accounts.session(mighty, THEIRS))
            assert s3.get_object(Bucket="shared-bucket", Key="k", ExpectedBucketOwner=OURS)["Body"].read() == b"body"
            assert code(s3.get_object, Bucket="shared-bucket", Key="k", ExpectedBucketOwner=THEIRS) == "AccessDenied"
            assert code(s3.put_object, Bucket="shared-bucket", Key="k", Body=b"") == "AccessDenied"
            s3 = accounts.client("s3", credentials=accounts.session(bare, THEIRS))
            assert "no identity-based policy" in refused(s3.get_object, Bucket="shared-bucket", Key="k")[1]

    def test_what_is_public_is_for_the_owners_account_alone_where_it_is_restricted(self, accounts):
        ours, theirs = accounts.client("s3"), accounts.client("s3", THEIRS)
        ours.create_bucket(Bucket="public-bucket")
        ours.put_object(Bucket="public-bucket", Key="k", Body=b"body")
        ours.delete_public_access_block(Bucket="public-bucket")
        let_in = policy(allow("s3:*Object", "arn:aws:s3:::public-bucket/*", Principal="*"))
        ours.put_bucket_policy(Bucket="public-bucket", Policy=let_in)
        assert theirs.get_object(Bucket="public-bucket", Key="k")["Body"].read() == b"body"
        only = {"RestrictPublicBuckets": True}
        ours.put_public_access_block(Bucket="public-bucket", PublicAccessBlockConfiguration=only)
        assert code(theirs.get_object, Bucket="public-bucket", Key="k") == "AccessDenied"
        assert ours.get_object(Bucket="public-bucket", Key="k")["Body"].read() == b"body"

    def test_an_object_that_would_be_another_accounts_is_refused_by_name(self, accounts):
        ours, theirs = accounts.client("s3"), accounts.client("s3", THEIRS)
        ours.create_bucket(Bucket="owned-bucket")
        let_in = policy(allow("s3:PutObject", "arn:aws:s3:::owned-bucket/*", Principal={"AWS": root(THEIRS)}))
        ours.put_bucket_policy(Bucket="owned-bucket", Policy=let_in)
        put = {"Bucket": "owned-bucket", "Key": "k", "Body": b""}
        for kind, own, given in (
            ("BucketOwnerEnforced", True, True),
            ("BucketOwnerPreferred", False, True),
            ("ObjectWriter", False, False),
        ):
            rules = {"Rules": [{"ObjectOwnership": kind}]}
            ours.put_bucket_ownership_controls(Bucket="owned-bucket", OwnershipControls=rules)
            for more, is_taken in (({}, own), ({"ACL": "bucket-owner-full-control"}, given)):
                if is_taken:
                    theirs.put_object(**put, **more)
                else:
                    assert code(theirs.put_object, **put, **more) == "NotImplemented"
            ours.put_object(**put)

    def test_a_copy_takes_tags_along_for_whom_may_read_and_put_them(self, accounts):
        ours = accounts.client("s3")
        ours.create_bucket(Bucket="tagged-bucket")
        ours.put_object(Bucket="tagged-bucket", Key="tagged", Body=b"", Tagging="a=b")
        ours.put_object(Bucket="tagged-bucket", Key="bare", Body=b"")
        for name, actions, may in (
            ("neither", ["s3:GetObject", "s3:PutObject"], False),
            ("reads", ["s3:GetObject*", "s3:PutObject"], False),
            ("puts", ["s3:GetObject", "s3:PutObject*"], False),
            ("both", ["s3:GetObject*", "s3:PutObject*"], True),
        ):
            role = accounts.role(f"copies-{name}", OURS, root(OURS), allow(actions))
            s3 = accounts.client("s3", credentials=accounts.session(role))
            copy = {"Bucket": "tagged-bucket", "CopySource": "tagged-bucket/tagged"}
            if may:
                s3.copy_object(Key=name, **copy)
                assert ours.get_object_tagging(Bucket="tagged-bucket", Key=name)["TagSet"] == [{"Key": "a", "Value": "b"}]
            else:
                assert "ObjectTagging on resource" in refused(s3.copy_object, Key=name, **copy)[1]
                assert code(ours.head_object, Bucket="tagged-bucket", Key=name) == "404"
            s3.copy_object(Key=name, **copy | {"CopySource": "tagged-bucket/bare"})

    def test_s3_has_a_key_of_its_own_in_every_account_for_all_of_it_and_through_s3_alone(self, accounts):
        for account in (OURS, THEIRS):
            s3, kms = accounts.client("s3", account), accounts.client("kms", account)
            bucket = f"sealed-{account}"
            s3.create_bucket(Bucket=bucket)
            arn = s3.put_object(Bucket=bucket, Key="k", Body=b"1", ServerSideEncryption="aws:kms")["SSEKMSKeyId"]
            key = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
            assert (key["Arn"], key["KeyManager"], key["AWSAccountId"]) == (arn, "AWS", account)
            again = s3.create_multipart_upload(Bucket=bucket, Key="m", ServerSideEncryption="aws:kms")
            assert again["SSEKMSKeyId"] == s3.head_object(Bucket=bucket, Key="k")["SSEKMSKeyId"] == arn
            assert kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"]
            # A reader needs no permission of KMS', here or there.
            role = accounts.role("reads-sealed", account, root(account), allow("s3:GetObject"))
            credentials = accounts.session(role, account)
            reader = accounts.client("s3", account, credentials=credentials)
            assert reader.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
            # Nobody comes by the key without S3, and nobody changes it.
            for call, more in (
                (kms.generate_data_key, {"KeySpec": "AES_256"}),
                (kms.schedule_key_deletion, {}),
                (kms.disable_key, {}),
                (kms.put_key_policy, {"PolicyName": "default", "Policy": policy(allow("kms:*", Principal="*"))}),
            ):
                assert code(call, KeyId=arn, **more) == "AccessDeniedException"
            assert code(kms.delete_alias, AliasName="alias/aws/s3") == "AccessDeniedException"
        ours = accounts.client("s3")
        objects = f"arn:aws:s3:::sealed-{OURS}/*"
        let_in = policy(allow("s3:GetObject", objects, Principal={"AWS": root(THEIRS)}))
        ours.put_bucket_policy(Bucket=f"sealed-{OURS}", Policy=let_in)
        theirs = accounts.client("s3", THEIRS)
        assert "kms:Decrypt" in refused(theirs.get_object, Bucket=f"sealed-{OURS}", Key="k")[1]

    def test_a_policy_knows_whose_a_bucket_is(self, accounts):
        accounts.client("s3").create_bucket(Bucket="own-bucket")
        own = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
        role = accounts.role("own-only", OURS, root(OURS), allow("s3:*", Condition=own))
        s3 = accounts.client("s3", credentials=accounts.session(role))
        s3.put_object(Bucket="own-bucket", Key="k", Body=b"")

    def test_owners_have_ids_of_their_own(self, accounts):
        owners = [accounts.client("s3", account).list_buckets()["Owner"]["ID"] for account in (OURS, THEIRS)]
        assert owners[0] != owners[1] and all(len(owner) == 64 for owner in owners)


class TestRegions:
    def test_a_key_is_in_its_region_only(self, accounts):
        arn = own_key(accounts)
        there = accounts.client("kms", region=THERE)
        bare = arn.rsplit("/", 1)[1]
        assert refused(there.describe_key, KeyId=arn) == ("NotFoundException", f"Invalid arn {HERE}")
        assert refused(there.describe_key, KeyId=bare) == (
            "NotFoundException",
            f"Key 'arn:aws:kms:{THERE}:{OURS}:key/{bare}' does not exist",
        )
        blob = accounts.client("kms").encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
        assert code(there.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
        accounts.client("kms").create_alias(AliasName="alias/twice", TargetKeyId=arn)
        other = own_key(accounts, region=THERE)
        there.create_alias(AliasName="alias/twice", TargetKeyId=other)
        assert there.describe_key(KeyId="alias/twice")["KeyMetadata"]["Arn"] == other

    def test_a_region_that_the_world_has_not_is_no_region(self, accounts):
        assert code(accounts.client("kms", region="ap-south-1").list_keys) == "InvalidSignatureException"
        assert code(accounts.client("s3", region="ap-south-1").list_buckets) == "AuthorizationHeaderMalformed"

    def test_a_policy_knows_the_region_that_is_asked(self, accounts):
        limit = allow("*", Effect="Deny", Condition={"StringNotEquals": {"aws:RequestedRegion": THERE}})
        role = accounts.role("regional", OURS, root(OURS), allow("kms:*"), limit)
        session = accounts.session(role)
        accounts.client("kms", region=THERE, credentials=session).list_keys()
        assert code(accounts.client("kms", credentials=session).list_keys) == "AccessDeniedException"

    def test_s3_uses_a_key_through_itself_in_the_buckets_region(self, accounts):
        through = {"StringEquals": {"kms:ViaService": f"s3.{THERE}.amazonaws.com"}}
        role = accounts.role("writer", OURS, root(OURS), allow("s3:*"), allow("kms:*", Condition=through))
        session = accounts.session(role)
        keys = {region: own_key(accounts, region=region) for region in (HERE, THERE)}
        accounts.client("s3").create_bucket(Bucket="sealed-here")
        accounts.client("s3").create_bucket(
            Bucket="sealed-there", CreateBucketConfiguration={"LocationConstraint": THERE}
        )
        sealed = {"Key": "k", "Body": b"x", "ServerSideEncryption": "aws:kms"}
        there = accounts.client("s3", region=THERE, credentials=session)
        there.put_object(Bucket="sealed-there", SSEKMSKeyId=keys[THERE], **sealed)
        assert there.get_object(Bucket="sealed-there", Key="k")["Body"].read() == b"x"
        here = accounts.client("s3", credentials=session)
        assert code(here.put_object, Bucket="sealed-here", SSEKMSKeyId=keys[HERE], **sealed) == "AccessDenied"
        assert "KMS" in code(there.put_object, Bucket="sealed-there", SSEKMSKeyId=keys[HERE], **sealed)


class TestMultiRegionKeys:
    def made(self, accounts, **more):
        return own_key(accounts, MultiRegion=True, **more)

    def test_a_replica_opens_what_its_primary_sealed_and_the_other_way_round(self, accounts):
        arn = self.made(accounts, Description="both")
        here, there = accounts.client("kms"), accounts.client("kms", region=THERE)
        bare = arn.rsplit("/", 1)[1]
        assert bare.startswith("mrk-") and len(bare) == 36
        assert code(there.describe_key, KeyId=bare) == "NotFoundException"
        answer = here.replicate_key(KeyId=arn, ReplicaRegion=THERE, Tags=[{"TagKey": "a", "TagValue": "b"}])
        replica = answer["ReplicaKeyMetadata"]
        assert replica["Arn"] == arn.replace(HERE, THERE) and replica["KeyState"] == "Creating"
        assert replica["Description"] == "" and answer["ReplicaTags"] == [{"TagKey": "a", "TagValue": "b"}]
        assert json.loads(answer["ReplicaPolicy"])["Id"] == "key-default-1"
        context = {"project": "houses"}
        sealed = here.encrypt(KeyId=arn, Plaintext=b"hello", EncryptionContext=context)["CiphertextBlob"]
        opened = there.decrypt(CiphertextBlob=sealed, EncryptionContext=context)
        assert opened["Plaintext"] == b"hello" and opened["KeyId"] == replica["Arn"]
        back = there.generate_data_key(KeyId=bare, KeySpec="AES_256")
        assert here.decrypt(KeyId=arn, CiphertextBlob=back["CiphertextBlob"])["Plaintext"] == back["Plaintext"]

    def test_what_describe_key_tells_is_the_same_family_in_both_regions(self, accounts):
        arn = self.made(accounts)
        here, there = accounts.client("kms"), accounts.client("kms", region=THERE)
        told = here.describe_key(KeyId=arn)["KeyMetadata"]
        assert told["MultiRegion"] is True
        primary, replica = ({"Arn": arn.replace(HERE, region), "Region": region} for region in (HERE, THERE))
        expected = {"MultiRegionKeyType": "PRIMARY", "PrimaryKey": primary, "ReplicaKeys": []}
        assert told["MultiRegionConfiguration"] == expected
        here.replicate_key(KeyId=arn, ReplicaRegion=THERE)
        for client, kind in ((here, "PRIMARY"), (there, "REPLICA")):
            told = client.describe_key(KeyId=arn.rsplit("/", 1)[1])["KeyMetadata"]
            expected = {"MultiRegionKeyType": kind, "PrimaryKey": primary, "ReplicaKeys": [replica]}
            assert told["MultiRegionConfiguration"] == expected and told["KeyState"] == "Enabled"
        single = here.describe_key(KeyId=own_key(accounts))["KeyMetadata"]
        assert single["MultiRegion"] is False and "MultiRegionConfiguration" not in single

    def test_policy_grants_and_state_are_each_keys_own(self, accounts):
        arn = self.made(accounts)
        here, there = accounts.client("kms"), accounts.client("kms", region=THERE)
        here.replicate_key(KeyId=arn, ReplicaRegion=THERE)
        replica = arn.replace(HERE, THERE)
        role = accounts.role("one-sided", OURS, root(OURS))
        here.create_grant(KeyId=arn, GranteePrincipal=role, Operations=["Encrypt"], RetiringPrincipal=role)
        session = accounts.session(role)
        accounts.client("kms", credentials=session).encrypt(KeyId=arn, Plaintext=b"x")
        elsewhere = accounts.client("kms", region=THERE, credentials=session)
        assert code(elsewhere.encrypt, KeyId=replica, Plaintext=b"x") == "AccessDeniedException"
        retirable = [c.list_retirable_grants(RetiringPrincipal=role)["Grants"] for c in (here, there)]
        assert [len(grants) for grants in retirable] == [1, 0]
        here.disable_key(KeyId=arn)
        there.encrypt(KeyId=replica, Plaintext=b"x")
        assert code(here.encrypt, KeyId=arn, Plaintext=b"x") == "DisabledException"

    def test_rotation_is_the_primarys_and_reaches_the_replica(self, accounts):
        arn = self.made(accounts)
        here, there = accounts.client("kms"), accounts.client("kms", region=THERE)
        here.replicate_key(KeyId=arn, ReplicaRegion=THERE)
        replica = arn.replace(HERE, THERE)
        before = there.describe_key(KeyId=replica)["KeyMetadata"]["CurrentKeyMaterialId"]
        here.rotate_key_on_demand(KeyId=arn)
        here.enable_key_rotation(KeyId=arn)
        assert there.get_key_rotation_status(KeyId=replica)["KeyRotationEnabled"] is True
        after = [c.describe_key(KeyId=k)["KeyMetadata"]["CurrentKeyMaterialId"] for c, k in ((here, arn), (there, replica))]
        assert after[0] == after[1] != before
        sealed = here.encrypt(KeyId=arn, Plaintext=b"new")["CiphertextBlob"]
        assert there.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"new"
        assert code(there.enable_key_rotation, KeyId=replica) == "UnsupportedOperationException"

    def test_only_a_primary_is_replicated_and_once_a_region(self, accounts):
        arn = self.made(accounts)
        here, there = accounts.client("kms"), accounts.client("kms", region=THERE)
        here.replicate_key(KeyId=arn, ReplicaRegion=THERE)
        replica = arn.replace(HERE, THERE)
        assert code(here.replicate_key, KeyId=arn, ReplicaRegion=THERE) == "AlreadyExistsException"
        assert refused(there.replicate_key, KeyId=replica, ReplicaRegion=HERE) == (
            "UnsupportedOperationException",
            f"{replica} is not a multi-region primary key.",
        )
        single = own_key(accounts)
        assert code(here.replicate_key, KeyId=single, ReplicaRegion=THERE) == "UnsupportedOperationException"
        assert code(here.replicate_key, KeyId=arn, ReplicaRegion="ap-south-1") == "UnsupportedOperationException"

    def test_replicating_needs_leave_on_the_key_and_to_make_keys_there(self, accounts):
        arn = self.made(accounts)
        only_here = allow("kms:CreateKey", Condition={"StringEquals": {"aws:RequestedRegion": HERE}})
        role = accounts.role("replicator", OURS, root(OURS), allow("kms:ReplicateKey", arn), only_here)
        kms = accounts.client("kms", credentials=accounts.session(role))
        assert "kms:CreateKey" in refused(kms.replicate_key, KeyId=arn, ReplicaRegion=THERE)[1]

    def test_a_replica_becomes_the_primary(self, accounts):
        arn = self.made(accounts)
        here, there = accounts.client("kms"), accounts.client("kms", region=THERE)
        assert code(here.update_primary_region, KeyId=arn, PrimaryRegion=THERE) == "NotFoundException"
        here.replicate_key(KeyId=arn, ReplicaRegion=THERE)
        replica = arn.replace(HERE, THERE)
        here.update_primary_region(KeyId=arn, PrimaryRegion=THERE)
        told = [c.describe_key(KeyId=k)["KeyMetadata"]["MultiRegionConfiguration"] for c, k in ((here, arn), (there, replica))]
        assert [family["MultiRegionKeyType"] for family in told] == ["REPLICA", "PRIMARY"]
        assert told[0]["PrimaryKey"]["Arn"] == replica and told[0]["ReplicaKeys"][0]["Arn"] == arn
        assert code(here.update_primary_region, KeyId=arn, PrimaryRegion=HERE) == "UnsupportedOperationException"

    def test_a_primary_waits_for_its_replicas_to_go(self, accounts):
        arn = self.made(accounts)
        here = accounts.client("kms")
        here.replicate_key(KeyId=arn, ReplicaRegion=THERE)
        answer = here.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
        assert answer["KeyState"] == "PendingReplicaDeletion" and "DeletionDate" not in answer
        told = here.describe_key(KeyId=arn)["KeyMetadata"]
        assert told["KeyState"] == "PendingReplicaDeletion" and told["PendingDeletionWindowInDays"] == 7
        assert code(here.encrypt, KeyId=arn, Plaintext=b"x") == "KMSInvalidStateException"
        here.cancel_key_deletion(KeyId=arn)
        assert here.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Disabled"

    def test_a_policy_knows_a_multi_region_key(self, accounts):
        arn = self.made(accounts)
        deny = allow("kms:Encrypt", Effect="Deny", Condition={"Bool": {"kms:MultiRegion": "true"}})
        role = accounts.role("single-only", OURS, root(OURS), allow("kms:*"), deny)
        kms = accounts.client("kms", credentials=accounts.session(role))
        assert code(kms.encrypt, KeyId=arn, Plaintext=b"x") == "AccessDeniedException"
        kms.encrypt(KeyId=own_key(accounts), Plaintext=b"x")


class TestJobs:
    def test_a_job_is_of_its_account_and_region(self, accounts):
        s3 = accounts.client("s3", THEIRS, THERE)
        s3.create_bucket(Bucket="job-bucket", CreateBucketConfiguration={"LocationConstraint": THERE})
        s3.put_object(Bucket="job-bucket", Key="data/x", Body=b"x")
        iam = accounts.client("iam", THEIRS)
        trust = allow("sts:AssumeRole", Principal={"Service": "sagemaker.amazonaws.com"}, Resource=None)
        role = iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName="trainer", PolicyName="own", PolicyDocument=policy(allow(["s3:*", "logs:*"])))
        request = {
            "TrainingJobName": "their-job",
            "AlgorithmSpecification": {"TrainingImage": "any:latest", "TrainingInputMode": "File"},
            "RoleArn": role,
            "InputDataConfig": [
                {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://job-bucket/data"}}}
            ],
            "OutputDataConfig": {"S3OutputPath": "s3://job-bucket/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
        made = accounts.client("sagemaker", THEIRS, THERE).create_training_job(**request)
        assert made["TrainingJobArn"] == f"arn:aws:sagemaker:{THERE}:{THEIRS}:training-job/their-job"
        assert accounts.client("sagemaker", THEIRS).list_training_jobs()["TrainingJobSummaries"] == []
        assert accounts.client("sagemaker", OURS, THERE).list_training_jobs()["TrainingJobSummaries"] == []
        ours = accounts.client("sagemaker", OURS, THERE)
        assert code(ours.create_training_job, **request) == "ValidationException"


class TestWhoIsGone:
    """Somebody of the same name is somebody else."""

    def test_a_session_ends_with_its_role_and_not_with_the_next_of_its_name(self, accounts):
        trust = root(OURS)
        accounts.role("reborn", OURS, trust, allow("s3:*"))
        session = accounts.session(f"arn:aws:iam::{OURS}:role/reborn", OURS)
        s3 = accounts.client("s3", credentials=session)
        s3.list_buckets()
        iam = accounts.client("iam")
        for name in iam.list_role_policies(RoleName="reborn")["PolicyNames"]:
            iam.delete_role_policy(RoleName="reborn", PolicyName=name)
        iam.delete_role(RoleName="reborn")
        assert code(s3.list_buckets) == "InvalidAccessKeyId"
        accounts.role("reborn", OURS, trust, allow("s3:*"))
        assert code(s3.list_buckets) == "InvalidAccessKeyId"

    def test_trust_and_a_buckets_policy_go_on_naming_who_is_gone(self, accounts):
        iam, s3 = accounts.client("iam"), accounts.client("s3")
        user = iam.create_user(UserName="gone")["User"]
        s3.create_bucket(Bucket="of-who-is-gone")
        s3.put_object(Bucket="of-who-is-gone", Key="k", Body=b"body")
        let_in = policy(allow("s3:GetObject", "arn:aws:s3:::of-who-is-gone/*", Principal={"AWS": user["Arn"]}))
        s3.put_bucket_policy(Bucket="of-who-is-gone", Policy=let_in)
        target = accounts.role("trusts-who-is-gone", OURS, user["Arn"], allow("s3:*"))
        iam.delete_user(UserName="gone")
        iam.create_user(UserName="gone")
        again = iam.create_access_key(UserName="gone")["AccessKey"]
        assert user["UserId"] in s3.get_bucket_policy(Bucket="of-who-is-gone")["Policy"]
        theirs = accounts.client("s3", credentials=again)
        assert code(theirs.get_object, Bucket="of-who-is-gone", Key="k") == "AccessDenied"
        sts = accounts.client("sts", credentials=again)
        assert code(sts.assume_role, RoleArn=target, RoleSessionName="again") == "AccessDenied"

    def test_a_buckets_policy_is_its_own_accounts_to_change(self, accounts):
        ours = accounts.client("s3")
        ours.create_bucket(Bucket="policy-of-ours")
        everything = ["arn:aws:s3:::policy-of-ours", "arn:aws:s3:::policy-of-ours/*"]
        let_in = policy(allow("s3:*", everything, Principal={"AWS": root(THEIRS)}))
        ours.put_bucket_policy(Bucket="policy-of-ours", Policy=let_in)
        theirs = accounts.client("s3", THEIRS)
        theirs.list_objects_v2(Bucket="policy-of-ours")
        assert code(theirs.put_bucket_policy, Bucket="policy-of-ours", Policy=let_in) == "MethodNotAllowed"
        assert code(theirs.get_bucket_policy, Bucket="policy-of-ours") == "MethodNotAllowed"
        assert code(theirs.delete_bucket_policy, Bucket="policy-of-ours") == "MethodNotAllowed"
