"""Multipart uploads and what is known of the objects that they become, as AWS answers boto3."""

import base64
import hashlib
import zlib

import pytest
from botocore.exceptions import ClientError

KEY = "model.tar"
LARGE = b"a" * (5 * 1024 * 1024 + 1)
SMALL = b"a" * 10


def refusal(call, **arguments):
    """The error of a call that must fail: code and message."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def sha256(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


@pytest.fixture
def s3(sandbox):
    return sandbox.client("s3")


class Upload:
    def __init__(self, s3, bucket, key=KEY, **create):
        self.s3, self.where = s3, {"Bucket": bucket, "Key": key}
        self.where["UploadId"] = s3.create_multipart_upload(**self.where, **create)["UploadId"]
        self.parts = []

    def put(self, body, number=None, **more):
        number = number or len(self.parts) + 1
        said = self.s3.upload_part(**self.where, PartNumber=number, Body=body, **more)
        kept = {name: said[name] for name in said if name == "ETag" or name.startswith("Checksum")}
        self.parts.append({"PartNumber": number, **kept})
        return said

    def complete(self, parts=None, **more):
        chosen = self.parts if parts is None else parts
        return self.s3.complete_multipart_upload(**self.where, MultipartUpload={"Parts": chosen}, **more)

    def refused(self, parts=None, **more):
        chosen = self.parts if parts is None else parts
        call = self.s3.complete_multipart_upload
        return refusal(call, **self.where, MultipartUpload={"Parts": chosen}, **more)


def without_checksums(parts):
    return [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]


class TestCompleting:
    def test_a_composite_checksum_needs_the_parts_checksums_and_is_told_of_parts_and_whole(self, s3, bucket):
        upload = Upload(s3, bucket, ChecksumAlgorithm="SHA256")
        for body in (LARGE, SMALL):
            upload.put(body, ChecksumAlgorithm="SHA256")
        composite = sha256(hashlib.sha256(LARGE).digest() + hashlib.sha256(SMALL).digest())
        code, message = upload.refused(without_checksums(upload.parts))
        assert code == "InvalidRequest" and message.startswith("The upload was created using a sha256 checksum.")
        wrong = [{**part, "ChecksumSHA256": sha256(b"other")} for part in upload.parts]
        assert upload.refused(wrong)[0] == "InvalidPart"
        assert upload.refused(ChecksumSHA256=sha256(b"other") + "-2")[0] == "BadDigest"
        assert upload.refused(ChecksumType="FULL_OBJECT") == (
            "InvalidRequest",
            "The upload was created using the COMPOSITE checksum mode. The complete request must use the same checksum "
            "mode.",
        )
        done = upload.complete(ChecksumSHA256=composite + "-2")
        assert (done["ChecksumSHA256"], done["ChecksumType"]) == (composite + "-2", "COMPOSITE")
        where = {"Bucket": bucket, "Key": KEY}
        second = s3.get_object(**where, PartNumber=2, ChecksumMode="ENABLED")
        assert (second["ChecksumSHA256"], second["PartsCount"]) == (sha256(SMALL), 2)
        every = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
        known = s3.get_object_attributes(**where, ObjectAttributes=every)
        assert known["Checksum"] == {"ChecksumSHA256": composite, "ChecksumType": "COMPOSITE"}
        assert known["ETag"] == done["ETag"].strip('"') and known["StorageClass"] == "STANDARD"
        assert known["ObjectSize"] == len(LARGE) + len(SMALL)
        page = s3.get_object_attributes(**where, ObjectAttributes=["ObjectParts"], MaxParts=1)["ObjectParts"]
        assert (page["TotalPartsCount"], page["IsTruncated"], page["NextPartNumberMarker"]) == (2, True, 1)
        rest = s3.get_object_attributes(**where, ObjectAttributes=["ObjectParts"], PartNumberMarker=1)["ObjectParts"]
        assert rest["Parts"] == [{"PartNumber": 2, "Size": 10, "ChecksumSHA256": sha256(SMALL)}]

    def test_a_checksum_of_the_whole_object_is_compared_and_must_be_called_that(self, s3, bucket):
        upload = Upload(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
        upload.put(LARGE)
        upload.put(SMALL)
        whole = crc32(LARGE + SMALL)
        bad = ("BadDigest", "The crc32 you specified did not match the calculated checksum.")
        assert upload.refused(ChecksumCRC32=crc32(b"other"), ChecksumType="FULL_OBJECT") == bad
        assert upload.refused(ChecksumCRC32=whole) == bad
        done = upload.complete(without_checksums(upload.parts), ChecksumCRC32=whole, ChecksumType="FULL_OBJECT")
        assert (done["ChecksumCRC32"], done["ChecksumType"]) == (whole, "FULL_OBJECT")
        known = s3.get_object_attributes(Bucket=bucket, Key=KEY, ObjectAttributes=["ObjectParts", "Checksum"])
        assert known["ObjectParts"] == {"TotalPartsCount": 2}
        assert known["Checksum"] == {"ChecksumCRC32": whole, "ChecksumType": "FULL_OBJECT"}
        assert "ChecksumCRC32" not in s3.head_object(Bucket=bucket, Key=KEY, PartNumber=2, ChecksumMode="ENABLED")

    def test_an_upload_that_named_no_algorithm_hears_of_no_checksums_of_its_parts(self, s3, bucket):
        upload = Upload(s3, bucket)
        assert "ChecksumSHA1" in upload.put(SMALL, ChecksumAlgorithm="SHA1")
        (listed,) = s3.list_parts(**upload.where)["Parts"]
        assert not any(name.startswith("Checksum") for name in listed)
        assert upload.refused()[0] == "InvalidPart"
        plain = without_checksums(upload.parts)
        for kind in ("COMPOSITE", "FULL_OBJECT"):
            assert "using the null checksum mode" in upload.refused(plain, ChecksumType=kind)[1]
        assert upload.complete(plain)["ChecksumType"] == "FULL_OBJECT"

    def test_the_size_that_is_named_must_be_the_size_that_it_is(self, s3, bucket):
        upload = Upload(s3, bucket)
        upload.put(SMALL)
        plain = without_checksums(upload.parts)
        assert upload.refused(plain, MpuObjectSize=11) == (
            "InvalidRequest",
            "The provided 'x-amz-mp-object-size' header value 11 does not match what was computed: 10",
        )
        upload.complete(plain, MpuObjectSize=10)

    def test_completing_again_with_the_same_parts_gives_the_same_object_and_with_others_none(self, s3, bucket):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        upload = Upload(s3, bucket)
        upload.put(LARGE)
        upload.put(SMALL)
        plain = without_checksums(upload.parts)
        first, again = upload.complete(plain), upload.complete(plain)
        for name in ("ETag", "VersionId", "Location"):
            assert first[name] == again[name]
        assert upload.refused(plain[:1])[0] == "NoSuchUpload"
        assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1

    @pytest.mark.parametrize("change", ["order", "size", "number", "etag", "none"])
    def test_parts_that_make_no_object_are_refused_as_s3_words_it(self, s3, bucket, change):
        upload = Upload(s3, bucket)
        upload.put(SMALL)
        upload.put(SMALL)
        one, two = without_checksums(upload.parts)
        parts, expected = {
            "order": ([two, one], "InvalidPartOrder"),
            "size": ([one, two], "EntityTooSmall"),
            "number": ([{**one, "PartNumber": 7}], "InvalidPart"),
            "etag": ([{**one, "ETag": '"d41d8cd98f00b204e9800998ecf8427e"'}], "InvalidPart"),
            "none": ([], "MalformedXML"),
        }[change]
        assert upload.refused(parts)[0] == expected
        upload.complete([two])

    def test_on_a_condition_an_upload_that_was_overtaken_is_begun_again(self, s3, bucket):
        where = {"Bucket": bucket, "Key": KEY}
        s3.put_object(**where, Body=b"before")
        upload = Upload(s3, bucket)
        upload.put(SMALL)
        plain = without_checksums(upload.parts)
        assert upload.refused(plain, IfNoneMatch="*")[0] == "PreconditionFailed"
        s3.delete_object(**where)
        assert upload.refused(plain, IfNoneMatch="*")[0] == "ConditionalRequestConflict"
        etag = s3.put_object(**where, Body=b"between")["ETag"]
        assert upload.refused(plain, IfMatch=etag)[0] == "ConditionalRequestConflict"
        upload = Upload(s3, bucket)
        upload.put(SMALL)
        upload.complete(without_checksums(upload.parts), IfMatch=etag)

    @pytest.mark.parametrize(
        "create, message",
        [
            ({"ChecksumType": "COMPOSITE"}, "The x-amz-checksum-type header can only be used with the"),
            (
                {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"},
                "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.",
            ),
            (
                {"ChecksumAlgorithm": "SHA1", "ChecksumType": "FULL_OBJECT"},
                "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm.",
            ),
        ],
    )
    def test_checksums_that_cannot_be_made_are_refused_at_the_start(self, s3, bucket, create, message):
        code, said = refusal(s3.create_multipart_upload, Bucket=bucket, Key=KEY, **create)
        assert code == "InvalidRequest" and said.startswith(message)

    def test_a_part_with_another_checksum_than_the_uploads_is_refused(self, s3, bucket):
        upload = Upload(s3, bucket, ChecksumAlgorithm="SHA256")
        assert refusal(s3.upload_part, **upload.where, PartNumber=1, Body=SMALL, ChecksumAlgorithm="CRC32") == (
            "InvalidRequest",
            "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32",
        )


class TestCopyingParts:
    @pytest.mark.parametrize("wrong", ["0-8", "bytes=1-0", "bytes=-1-", "bytes=0--1", "bytes=0-1,3-4", "bytes=-2"])
    def test_a_range_that_is_none_is_refused(self, s3, bucket, wrong):
        s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
        upload, source = Upload(s3, bucket), {"Bucket": bucket, "Key": "source"}
        code, message = refusal(
            s3.upload_part_copy, **upload.where, PartNumber=1, CopySource=source, CopySourceRange=wrong
        )
        assert code == "InvalidArgument" and "must be of the form bytes=first-last where" in message

    def test_a_range_past_the_end_is_refused_and_one_within_is_copied(self, s3, bucket):
        s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
        upload, source = Upload(s3, bucket, ChecksumAlgorithm="CRC32"), {"Bucket": bucket, "Key": "source"}
        asked = {**upload.where, "PartNumber": 1, "CopySource": source}
        past = refusal(s3.upload_part_copy, **asked, CopySourceRange="bytes=0-100")
        assert past == ("InvalidArgument", "Range specified is not valid for source object of size: 10")
        beyond = refusal(s3.upload_part_copy, **asked, CopySourceRange="bytes=100-200")
        assert beyond == ("InvalidRequest", "The specified copy range is invalid for the source object size")
        said = s3.upload_part_copy(**asked, CopySourceRange="bytes=2-4")["CopyPartResult"]
        assert (said["ETag"], said["ChecksumCRC32"]) == (f'"{hashlib.md5(b"234").hexdigest()}"', crc32(b"234"))


class TestListing:
    def test_uploads_of_a_key_are_listed_as_they_began_in_pages_of_any_size(self, s3, bucket):
        begun = [Upload(s3, bucket, key).where["UploadId"] for key in ("b", "a", "a", "a", "c/1", "c/2")]
        expected = begun[1:4] + begun[:1]
        whole = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
        assert [upload["UploadId"] for upload in whole["Uploads"]] == expected
        assert [one["Prefix"] for one in whole["CommonPrefixes"]] == ["c/"]
        for size in (1, 2, 3):
            pages = s3.get_paginator("list_multipart_uploads").paginate(
                Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size}
            )
            pages = list(pages)
            assert [one["UploadId"] for page in pages for one in page.get("Uploads", [])] == expected
            assert [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])] == ["c/"]
        alone = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=1, UploadIdMarker=begun[1])
        assert alone["Uploads"][0]["UploadId"] == begun[1]
        wrong = refusal(s3.list_multipart_uploads, Bucket=bucket, KeyMarker="a", UploadIdMarker=begun[0])
        assert wrong == ("InvalidArgument", "Invalid uploadId marker")

    def test_a_page_of_parts_says_where_the_next_begins_also_if_it_is_empty(self, s3, bucket):
        upload = Upload(s3, bucket)
        page = s3.list_parts(**upload.where)
        assert (page["NextPartNumberMarker"], page["IsTruncated"]) == (0, False)
        upload.put(SMALL, 2)
        upload.put(SMALL, 5)
        page = s3.list_parts(**upload.where, MaxParts=1)
        assert (page["NextPartNumberMarker"], page["IsTruncated"]) == (2, True)
        page = s3.list_parts(**upload.where, PartNumberMarker=2)
        assert ([part["PartNumber"] for part in page["Parts"]], page["IsTruncated"]) == ([5], False)


class TestAttributes:
    def test_a_name_of_no_attribute_and_no_name_at_all_are_refused(self, s3, bucket):
        s3.put_object(Bucket=bucket, Key=KEY, Body=SMALL)
        asked = {"Bucket": bucket, "Key": KEY}
        assert refusal(s3.get_object_attributes, **asked, ObjectAttributes=["Colour"])[0] == "InvalidArgument"
        assert refusal(s3.get_object_attributes, **asked, ObjectAttributes=[])[0] == "InvalidRequest"
        known = s3.get_object_attributes(**asked, ObjectAttributes=["ObjectParts", "ObjectSize"])
        assert known["ObjectSize"] == 10 and "ObjectParts" not in known and "ETag" not in known

    def test_each_version_has_its_own_and_a_deleted_key_has_none(self, s3, bucket):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        asked = {"Bucket": bucket, "Key": KEY}
        old = s3.put_object(**asked, Body=SMALL)["VersionId"]
        new = s3.put_object(**asked, Body=SMALL * 2)["VersionId"]
        known = s3.get_object_attributes(**asked, ObjectAttributes=["ObjectSize"])
        assert (known["ObjectSize"], known["VersionId"]) == (20, new)
        s3.delete_object(**asked)
        assert refusal(s3.get_object_attributes, **asked, ObjectAttributes=["ObjectSize"])[0] == "NoSuchKey"
        known = s3.get_object_attributes(**asked, VersionId=old, ObjectAttributes=["ObjectSize"])
        assert (known["ObjectSize"], known["VersionId"]) == (10, old)
