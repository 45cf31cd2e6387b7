"""Requests to S3 by hand, and what a client's refusal says."""

import hashlib
import hmac
import urllib.error
import urllib.request

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError


def refused(call, **asked):
    with pytest.raises(ClientError) as error:
        call(**asked)
    said = error.value.response
    assert said["Error"]["Message"]
    return said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Code"]


def answered(url, body=None, method="GET", **headers):
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def signed(s3, url, method, body=None, digest=None, query=False, service="s3", region=None, **headers):
    """A request that boto3 would not make, signed as boto3 signs."""
    request = AWSRequest(method, url, headers, body)
    credentials = s3._request_signer._credentials.get_frozen_credentials()
    region = region or s3.meta.region_name
    if query:
        S3SigV4QueryAuth(credentials, service, region, 60).add_auth(request)
    else:
        signer = S3SigV4Auth(credentials, service, region)
        if digest:
            signer.payload = lambda _: digest
        signer.add_auth(request)
    return request


def chunk(s3, seed, when, text):
    """A chunk of an upload, signed behind the signature before it."""
    region, empty = s3.meta.region_name, hashlib.sha256(b"").hexdigest()
    scope = f"{when[:8]}/{region}/s3/aws4_request"
    words = ["AWS4-HMAC-SHA256-PAYLOAD", when, scope, seed, empty, hashlib.sha256(text).hexdigest()]
    key = ("AWS4" + s3._request_signer._credentials.secret_key).encode()
    for word in [*scope.split("/"), "\n".join(words)]:
        key = hmac.digest(key, word.encode(), "sha256")
    return key.hex(), b"%x;chunk-signature=%s\r\n%s\r\n" % (len(text), key.hex().encode(), text)
