"""Behind a proxy that looks into TLS: with its authority everything is as without it, and without it is said what is missing."""

import pytest
from conftest import empty_world
from inspection import InspectingProxy
from terminal import ESC, Dashboard

ALIAS = "alias/behind-the-proxy"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """One of its own: what the other tests have made would fill the screen."""
    yield from empty_world(tmp_path_factory.mktemp("inspected"))


@pytest.fixture
def proxy(sandbox, key, tmp_path):
    sandbox.client("kms").create_alias(AliasName=ALIAS, TargetKeyId=key)
    with InspectingProxy(tmp_path, sandbox) as proxy:
        yield proxy
    sandbox.client("kms").delete_alias(AliasName=ALIAS)


def dashboard(sandbox, folder, proxy, **variables):
    # AWS at its own names: what is on loopback is asked without a proxy.
    reached = {"AWS_ENDPOINT_URL": "", "HTTPS_PROXY": proxy.url}
    return Dashboard(sandbox, folder, folder, variables=reached | variables)


def test_with_the_authority_of_the_proxy_the_dashboard_lists_what_is_there(sandbox, bucket, tmp_path, proxy):
    with dashboard(sandbox, tmp_path, proxy, AWS_CA_BUNDLE=str(proxy.bundle)) as person:
        person.wait("behind-the-proxy").wait(bucket)
        assert not proxy.refused, proxy.refused
    assert "kms.us-east-1.amazonaws.com:443" in proxy.connected


def test_without_the_authority_the_certificate_is_named_and_the_variable_that_helps(sandbox, tmp_path, proxy):
    with dashboard(sandbox, tmp_path, proxy) as person:
        person.keys(ESC).keys("!").wait("UnknownIssuer").wait("AWS_CA_BUNDLE")
        assert "behind-the-proxy" not in person.text()
        assert proxy.refused
