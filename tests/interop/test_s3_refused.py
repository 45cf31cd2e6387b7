"""Whatever botocore can ask S3 for is served or refused by name, and what is refused changes nothing."""

import os

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.session import get_session

MODEL = get_session().get_service_model("s3")

SERVED = """
    AbortMultipartUpload CompleteMultipartUpload CopyObject CreateBucket CreateMultipartUpload DeleteBucket
    DeleteBucketEncryption DeleteBucketLifecycle DeleteBucketOwnershipControls DeleteBucketPolicy DeleteBucketTagging DeleteObject DeleteObjectTagging
    DeleteObjects DeletePublicAccessBlock GetBucketAcl GetBucketEncryption GetBucketLifecycle GetBucketLifecycleConfiguration GetBucketLocation
    GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketTagging GetBucketVersioning GetObject GetObjectAcl GetObjectAttributes
    GetObjectLegalHold GetObjectLockConfiguration GetObjectRetention GetObjectTagging GetPublicAccessBlock HeadBucket HeadObject ListBuckets ListMultipartUploads ListObjectVersions
    ListObjects ListObjectsV2 ListParts PutBucketEncryption PutBucketLifecycle PutBucketLifecycleConfiguration
    PutBucketOwnershipControls PutBucketPolicy PutBucketTagging PutBucketVersioning PutObject PutObjectLegalHold PutObjectLockConfiguration PutObjectRetention PutObjectTagging
    PutPublicAccessBlock UploadPart
    UploadPartCopy
""".split()

# Of served operations, what they take beyond what they must have.
HEEDED = """
    Body BucketKeyEnabled BucketRegion CacheControl ChecksumAlgorithm ChecksumCRC32 ChecksumCRC32C ChecksumCRC64NVME
    ChecksumMode ChecksumSHA1 ChecksumSHA256 ChecksumType ConfirmRemoveSelfBucketAccess ContentDisposition
    ContentEncoding ContentLanguage ContentLength ContentMD5 ContentType ContinuationToken CopySourceIfMatch
    CopySourceIfModifiedSince CopySourceIfNoneMatch CopySourceIfUnmodifiedSince CopySourceRange CopySourceSSECustomerAlgorithm
    CopySourceSSECustomerKey CopySourceSSECustomerKeyMD5 Delimiter EncodingType
    ExpectedBucketOwner ExpectedSourceBucketOwner Expires FetchOwner KeyMarker Marker MaxBuckets MaxKeys MaxParts
    MaxUploads Metadata MetadataDirective MpuObjectSize ObjectLockLegalHoldStatus ObjectLockMode ObjectLockRetainUntilDate
    OptionalObjectAttributes PartNumber PartNumberMarker Prefix
    Range RequestPayer ResponseCacheControl ResponseContentDisposition ResponseContentEncoding ResponseContentLanguage
    ResponseContentType ResponseExpires SSEKMSEncryptionContext SSEKMSKeyId
    ServerSideEncryption StartAfter StorageClass
    Tagging TaggingDirective TransitionDefaultMinimumObjectSize UploadIdMarker VersionId VersionIdMarker
    WebsiteRedirectLocation
""".split()
CUSTOMER_KEYS = """
    CompleteMultipartUpload CopyObject CreateMultipartUpload GetObject GetObjectAttributes HeadObject ListParts PutObject
    UploadPart UploadPartCopy
"""
# The same name, heeded by some operations only.
HEEDED_BY = {
    "IfMatch": "CompleteMultipartUpload CopyObject DeleteObject GetObject HeadObject PutObject",
    "IfNoneMatch": "CompleteMultipartUpload CopyObject GetObject HeadObject PutObject",
    "IfModifiedSince": "GetObject HeadObject",
    "IfUnmodifiedSince": "GetObject HeadObject",
    "BypassGovernanceRetention": "DeleteObject DeleteObjects PutObjectRetention",
    "ObjectLockEnabledForBucket": "CreateBucket",
    "ObjectOwnership": "CreateBucket",
    "SSECustomerAlgorithm": CUSTOMER_KEYS,
    "SSECustomerKey": CUSTOMER_KEYS,
    "SSECustomerKeyMD5": CUSTOMER_KEYS,
}
# An answer to HEAD has no code but its status.
REFUSALS = {"NotImplemented", "501", "AccessControlListNotSupported", "InvalidBucketAclWithObjectOwnership"}


def optional(operation):
    """Members of an input that travel as query or header and need not be there."""
    shape = MODEL.operation_model(operation).input_shape
    for name, member in shape.members.items() if shape else ():
        if name not in shape.required_members and member.serialization.get("location"):
            yield name, member


def unheeded():
    for operation in SERVED:
        for name, _ in optional(operation):
            if name not in HEEDED and operation not in HEEDED_BY.get(name, "").split():
                yield operation, name


def value(shape, name, known):
    """Something valid for a shape, out of what the world has."""
    if name in known:
        return known[name]
    kind = shape.type_name
    if kind == "structure":
        return {n: value(shape.members[n], n, known) for n in shape.required_members}
    if kind == "list":
        return [value(shape.member, name, known)]
    if kind == "map":
        return {"name": "value"}
    if kind == "blob":
        return b"other"
    if kind == "boolean":
        return True
    if kind in ("integer", "long"):
        return 1
    if kind == "timestamp":
        return 1767225600
    return shape.enum[0] if shape.enum else "other"


class Bucket:
    """A bucket with one object of every trait that could be lost, and an upload in progress."""

    def __init__(self, s3, name):
        self.s3, self.name = s3, name
        s3.put_object(Bucket=name, Key="key", Body=b"body", Metadata={"a": "b"}, Tagging="c=d")
        self.upload = s3.create_multipart_upload(Bucket=name, Key="upload")["UploadId"]
        self.part = s3.upload_part(Bucket=name, Key="upload", UploadId=self.upload, PartNumber=1, Body=b"part")["ETag"]
        self.before = self.state()

    def known(self, operation):
        of_upload = operation in ("AbortMultipartUpload", "CompleteMultipartUpload", "ListParts") or "Part" in operation
        return {
            "Bucket": self.name if operation != "CreateBucket" else self.name + "-new",
            "Key": "upload" if of_upload else "key",
            "UploadId": self.upload,
            "ACL": "public-read",
            "CopySource": f"{self.name}/key",
            "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": self.part}]},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        }

    def ask(self, operation, more=()):
        shape = MODEL.operation_model(operation).input_shape
        known = self.known(operation)
        names = [*(shape.required_members if shape else ()), *more]
        if operation == "CompleteMultipartUpload":
            names.append("MultipartUpload")
        given = {name: value(shape.members[name], name, known) for name in names}
        return getattr(self.s3, xform_name(operation))(**given)

    def refusal(self, operation, more=()):
        with pytest.raises(ClientError) as refused:
            self.ask(operation, more)
        assert self.state() == self.before, "what was refused changed something"
        return refused.value.response["Error"]

    def state(self):
        s3, name = self.s3, self.name
        said = {"new": [b["Name"] for b in s3.list_buckets()["Buckets"] if b["Name"].startswith(name)]}
        for entry in s3.list_objects_v2(Bucket=name).get("Contents", []):
            got = s3.get_object(Bucket=name, Key=entry["Key"])
            body, head = got.pop("Body").read(), {k: v for k, v in got.items() if k != "ResponseMetadata"}
            tags = s3.get_object_tagging(Bucket=name, Key=entry["Key"])["TagSet"]
            said[entry["Key"]] = (entry, body, head, tags)
        said["uploads"] = [upload["UploadId"] for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", [])]
        said["parts"] = s3.list_parts(Bucket=name, Key="upload", UploadId=self.upload)["Parts"]
        for setting in ("get_bucket_tagging", "get_public_access_block", "get_bucket_lifecycle_configuration"):
            try:
                told = getattr(s3, setting)(Bucket=name)
                said[setting] = {k: v for k, v in told.items() if k != "ResponseMetadata"}
            except ClientError as error:
                said[setting] = error.response["Error"]["Code"]
        return said


def fresh(sandbox, name):
    client = sandbox.client("s3", parameter_validation=False, inject_host_prefix=False)
    client.create_bucket(Bucket=name)
    return Bucket(client, name)


@pytest.fixture
def full(sandbox, bucket):
    return fresh(sandbox, bucket)


@pytest.fixture(scope="module")
def untouched(sandbox):
    """One for all that is refused: nothing of it may change it."""
    return fresh(sandbox, f"refused-{os.getpid()}")


def test_the_lists_name_only_what_there_is():
    members = {name for operation in MODEL.operation_names for name, _ in optional(operation)}
    assert set(SERVED) <= set(MODEL.operation_names)
    assert set(HEEDED) - {"Body", "ContentLength", "ContentMD5"} <= members
    assert len(list(unheeded())) == 55


@pytest.mark.parametrize("operation", sorted(set(MODEL.operation_names) - set(SERVED)))
def test_an_operation_that_is_not_served_is_refused_by_name(untouched, operation):
    # AWS has these at hosts of their own, by another service's name.
    is_elsewhere = operation in ("ListDirectoryBuckets", "WriteGetObjectResponse")
    named = "AuthorizationHeaderMalformed" if is_elsewhere else "NotImplemented"
    assert untouched.refusal(operation)["Code"] == named


@pytest.mark.parametrize("operation", SERVED)
def test_an_operation_that_is_served_is_not_refused(full, operation):
    try:
        full.ask(operation)
    except ClientError as error:
        assert error.response["Error"]["Code"] != "NotImplemented", error


@pytest.mark.parametrize(("operation", "member"), list(unheeded()))
def test_what_a_served_operation_does_not_heed_is_refused(untouched, operation, member):
    refusal = untouched.refusal(operation, [member])
    assert refusal["Code"] in REFUSALS, refusal
