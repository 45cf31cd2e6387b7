"""S3's signatures: in headers and URLs, over bodies, chunks and trailers."""

import base64
import urllib.parse

import pytest
from s3raw import answered, chunk, refused, signed


@pytest.fixture
def s3(sandbox):
    return sandbox.client("s3")


def test_version_2_signs_urls_that_expire_and_nothing_else(sandbox, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    old = sandbox.client("s3", signature_version="s3")
    assert refused(old.get_object, Bucket=bucket, Key="a") == (400, "InvalidRequest")
    asked = {"Bucket": bucket, "Key": "a"}
    assert answered(old.generate_presigned_url("get_object", asked)) == (200, b"1")
    status, said = answered(old.generate_presigned_url("get_object", asked, ExpiresIn=-1))
    assert status == 403 and b"Request has expired" in said


def test_a_presigned_url_is_good_for_a_week_at_most(sandbox, bucket):
    s3 = sandbox.client("s3", signature_version="s3v4")
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    asked = {"Bucket": bucket, "Key": "a"}
    assert answered(s3.generate_presigned_url("get_object", asked, ExpiresIn=604800)) == (200, b"1")
    status, said = answered(s3.generate_presigned_url("get_object", asked, ExpiresIn=604801))
    assert status == 400 and b"AuthorizationQueryParametersError" in said


def test_a_chunked_upload_without_its_last_chunk_stores_nothing(s3, bucket):
    digest = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    for key, whole in [("cut", False), ("whole", True)]:
        url = f"{s3.meta.endpoint_url}/{bucket}/{key}"
        told = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5"}
        request = signed(s3, url, "PUT", b"", digest, **told)
        seed, when = request.headers["Authorization"].rpartition("=")[2], request.headers["X-Amz-Date"]
        last, first = chunk(s3, seed, when, b"hello")
        body = first + (chunk(s3, last, when, b"")[1] if whole else b"")
        status, said = answered(url, body, "PUT", **dict(request.headers.items()))
        assert (status, b"<Code>IncompleteBody</Code>" in said) == ((200, False) if whole else (400, True)), said
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["whole"]
    assert s3.get_object(Bucket=bucket, Key="whole")["Body"].read() == b"hello"


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_what_a_presigned_url_carries_in_its_query_is_a_header(sandbox, s3, bucket, version):
    crc = base64.b64encode((0x3610A686).to_bytes(4, "big")).decode()
    given = {
        "x-amz-checksum-crc32": crc,
        "x-amz-meta-colour": "red",
        "x-amz-sdk-checksum-algorithm": "CRC32",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-tagging": "a=b",
    }
    url = f"{s3.meta.endpoint_url}/{bucket}/k"
    if version == "s3v4":
        query = "&".join(f"{name}={urllib.parse.quote(value, safe='')}" for name, value in given.items())
        url = signed(s3, f"{url}?{query}", "PUT", query=True).url
    else:
        asked = {"Bucket": bucket, "Key": "k", "Metadata": {"colour": "red"}, "Tagging": "a=b"}
        old = sandbox.client("s3", signature_version="s3")
        url = old.generate_presigned_url("put_object", asked)
        assert "x-amz-tagging=" in url
    # Or urllib would say another.
    typeless = {"Content-Type": ""}
    status, said = answered(url, b"hello", "PUT", **typeless)
    assert status == 200, said
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"colour": "red"}
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    # It is as good as a header: it must hold, and be signed.
    if version == "s3v4":
        assert b"<Code>BadDigest</Code>" in answered(url, b"jello", "PUT")[1]
        status, said = answered(f"{url}&x-amz-meta-more=1", b"hello", "PUT")
        assert (status, b"<Code>SignatureDoesNotMatch</Code>" in said) == (403, True)
        loose = answered(url, b"hello", "PUT", **{"x-amz-meta-more": "1"})
        assert (loose[0], b"not signed" in loose[1]) == (403, True)
    plain = signed(s3, f"{s3.meta.endpoint_url}/{bucket}/k?x-amz-acl=private", "PUT", b"")
    status, said = answered(plain.url, b"", "PUT", **dict(plain.headers.items()))
    assert status == 501, said


def sent(request, body=b"", **more):
    return answered(request.url, body, request.method, **(dict(request.headers.items()) | more))


def test_a_request_for_another_service_region_or_time_is_refused_by_what_is_wrong_with_it(s3, bucket):
    url = f"{s3.meta.endpoint_url}/{bucket}/k"
    for asked, why in [
        ({"service": "kms-data"}, 'incorrect service "kms-data". This endpoint belongs to "s3".'),
        ({"region": "eu-nowhere-1"}, "the region 'eu-nowhere-1' is wrong; expecting 'us-east-1'"),
    ]:
        status, said = sent(signed(s3, url, "GET", **asked))
        said = said.decode().replace("&apos;", "'").replace("&quot;", '"')
        assert (status, "<Code>AuthorizationHeaderMalformed</Code>" in said) == (400, True), said
        assert f"<Message>The authorization header is malformed; {why}</Message>" in said
        assert ("<Region>us-east-1</Region>" in said) == ("region" in asked)
        status, said = answered(signed(s3, url, "GET", query=True, **asked).url)
        said = said.decode().replace("&apos;", "'").replace("&quot;", '"')
        assert (status, "<Code>AuthorizationQueryParametersError</Code>" in said) == (400, True), said
        assert f"<Message>Error parsing the X-Amz-Credential parameter; {why}</Message>" in said
    request = signed(s3, url, "GET")
    request.headers["Authorization"] = request.headers["Authorization"].replace("aws4_request", "aws5_request")
    status, said = sent(request)
    assert (status, b"incorrect terminal" in said) == (400, True), said


def test_bytes_that_are_not_those_that_were_signed_are_refused_in_objects_and_documents(s3, bucket):
    tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    for path, body in [("k", b"hello"), ("?tagging", tagging.encode())]:
        request = signed(s3, f"{s3.meta.endpoint_url}/{bucket}/{path}", "PUT", body)
        status, said = sent(request, body.replace(b"l", b"L", 1))
        assert (status, b"<Code>XAmzContentSHA256Mismatch</Code>" in said) == (400, True), said
        assert b"does not match what was computed.</Message>" in said
        assert sent(request, body)[0] in (200, 204)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello"


def test_a_chunk_that_is_not_as_it_was_signed_is_refused(s3, bucket):
    digest = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    told = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5"}
    request = signed(s3, f"{s3.meta.endpoint_url}/{bucket}/k", "PUT", b"", digest, **told)
    seed, when = request.headers["Authorization"].rpartition("=")[2], request.headers["X-Amz-Date"]
    last, first = chunk(s3, seed, when, b"hello")
    body = first.replace(b"hello", b"jello") + chunk(s3, last, when, b"")[1]
    status, said = sent(request, body)
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in said) == (403, True), said
    assert refused(s3.head_object, Bucket=bucket, Key="k") == (404, "404")


@pytest.mark.parametrize("trailer", [b"", b"x-amz-checksum-crc32c:AAAAAA==\r\n"])
def test_a_trailer_that_is_announced_must_come(s3, bucket, trailer):
    told = {
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "5",
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    url, digest = f"{s3.meta.endpoint_url}/{bucket}/k", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    body = b"5\r\nhello\r\n0\r\n"
    status, said = sent(signed(s3, url, "PUT", b"", digest, **told), body + trailer + b"\r\n")
    assert (status, b"<Code>MalformedTrailerError</Code>" in said) == (400, True), said
    whole = b"x-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    assert sent(signed(s3, url, "PUT", b"", digest, **told), body + whole)[0] == 200
