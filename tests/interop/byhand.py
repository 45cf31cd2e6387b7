"""Requests by hand: signed by botocore, sent as bytes, so that a test can spoil any part of one."""

import http.client
import json
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials


def ask(
    world,
    service,
    target,
    body,
    *,
    path="/",
    host=None,
    more=None,
    after=None,
    sent=None,
    signed=True,
    region="us-east-1",
    scope=None,
    access_key=None,
    secret=None,
    token=None,
):
    """Signs a request, spoils what is asked for, sends it: status and answer."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    place = urllib.parse.urlsplit(world.endpoint)
    if host:
        headers["Host"] = host
    if signed:
        credentials = botocore.credentials.Credentials(
            access_key or world.variables["AWS_ACCESS_KEY_ID"],
            secret or world.variables["AWS_SECRET_ACCESS_KEY"],
            token,
        )
        request = botocore.awsrequest.AWSRequest("POST", world.endpoint + path, data=body, headers=headers)
        botocore.auth.SigV4Auth(credentials, scope or service, region).add_auth(request)
        headers = dict(request.headers.items())
    headers |= {"Host": host or place.netloc} | (more or {}) | (after or {})
    connection = http.client.HTTPConnection(place.netloc, timeout=30)
    connection.request("POST", path, sent or body, headers)
    response = connection.getresponse()
    return response.status, response.read().decode()


def control(world, *, signed=True, access_key=None, secret=None, **what):
    """The sandbox's control call: faults, seed, advance, grant_delay."""
    _, answer = ask(
        world,
        "strongroom",
        "Control",
        json.dumps(what),
        path="/_strongroom/control",
        signed=signed,
        access_key=access_key,
        secret=secret,
    )
    return json.loads(answer)


def get(url):
    """A plain GET: status and answer."""
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=30)
    connection.request("GET", f"{place.path}?{place.query}" if place.query else place.path)
    response = connection.getresponse()
    return response.status, response.read()
