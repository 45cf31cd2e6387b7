"""A company's proxy shows its own certificates: `AWS_CA_BUNDLE` and a profile's `ca_bundle` name whom to trust."""

import os
import subprocess

import pytest
from conftest import STRONGROOM
from names import TlsServer

BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.fixture
def doctor(tmp_path):
    """What `doctor` says of a server whose certificate is of an authority that no system knows."""
    with TlsServer(tmp_path, "localhost") as aws:

        def ask(**variables):
            done = subprocess.run(
                [STRONGROOM, "--endpoint-url", f"https://localhost:{aws.port}", "doctor", "--json"],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(tmp_path),
                    "AWS_EC2_METADATA_DISABLED": "true",
                    "AWS_REGION": "us-east-1",
                    "AWS_ACCESS_KEY_ID": "AKIAMADEUP",
                    "AWS_SECRET_ACCESS_KEY": "made-up",
                    **variables,
                },
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=120,
            )
            return done.stdout.decode() + done.stderr.decode()

        yield ask


def test_an_authority_of_ones_own_is_trusted_where_the_aws_cli_looks_for_it(doctor, tmp_path):
    assert "by-tls" not in doctor()
    assert "by-tls" in doctor(AWS_CA_BUNDLE="ca.pem")
    config = tmp_path / "config"
    config.write_text("[default]\nca_bundle = ca.pem\n[profile work]\nca_bundle = other.pem\n")
    assert "by-tls" in doctor(AWS_CONFIG_FILE=str(config))
    assert "by-tls" not in doctor(AWS_CONFIG_FILE=str(config), AWS_PROFILE="work")
    assert "by-tls" in doctor(AWS_CONFIG_FILE=str(config), AWS_PROFILE="work", AWS_CA_BUNDLE="ca.pem")


def test_what_a_bundle_does_not_hold_is_not_trusted(doctor):
    assert "by-tls" not in doctor(AWS_CA_BUNDLE="other.pem")


def test_a_certificate_that_is_none_spoils_no_bundle(doctor, tmp_path):
    (tmp_path / "bundle.pem").write_text(BROKEN + (tmp_path / "ca.pem").read_text())
    assert "by-tls" in doctor(AWS_CA_BUNDLE="bundle.pem")
