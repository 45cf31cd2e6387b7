"""ECR before a real registry: what is pushed there is what ECR's calls show, and the other way round."""

import hashlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from test_sandbox import world

REGISTRY = shutil.which("docker-registry")
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
pytestmark = pytest.mark.skipif(REGISTRY is None, reason="docker-registry is not installed")


class Registry:
    """A docker-registry of its own, and as much of its protocol as `docker push` speaks."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        storage = {"filesystem": {"rootdirectory": str(folder / "images")}, "delete": {"enabled": True}}
        config = folder / "registry.json"
        config.write_text(json.dumps({"version": 0.1, "storage": storage, "http": {"addr": self.address}}))
        log = open(folder / "registry.log", "wb")
        self.process = subprocess.Popen([REGISTRY, "serve", str(config)], stdout=log, stderr=log)
        for _ in range(1200):
            try:
                self.ask("GET", "/v2/")
                return
            except OSError:
                time.sleep(0.05)
        pytest.fail("docker-registry does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def ask(self, method, where, body=None, media_type="application/octet-stream", accept=MANIFEST):
        url = where if "://" in where else f"http://{self.address}{where}"
        headers = {"Content-Type": media_type, "Accept": accept}
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=10) as answer:
            return answer.headers, answer.read()

    def blob(self, repository, body):
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        headers, _ = self.ask("POST", f"/v2/{repository}/blobs/uploads/", b"")
        place = headers["Location"]
        self.ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", body)
        return {"digest": digest, "size": len(body), "mediaType": "application/octet-stream"}

    def push(self, repository, tag, content):
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(repository, b"{}"),
            "layers": [self.blob(repository, content)],
        }
        body = json.dumps(manifest).encode()
        self.ask("PUT", f"/v2/{repository}/manifests/{tag}", body, MANIFEST)
        return "sha256:" + hashlib.sha256(body).hexdigest(), body.decode()

    def has(self, repository, reference):
        try:
            self.ask("GET", f"/v2/{repository}/manifests/{reference}")
            return True
        except urllib.error.HTTPError as error:
            assert error.code == 404
            return False


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path)
    yield registry
    registry.stop()


def test_ecr_shows_what_a_registry_holds_and_changes_it(registry, tmp_path):
    with world(tmp_path, "--registry", registry.address) as aws:
        ecr = aws.client("ecr")
        made = ecr.create_repository(repositoryName="example-image")["repository"]
        assert made["repositoryUri"] == f"{registry.address}/example-image"
        login = ecr.get_authorization_token()["authorizationData"][0]
        assert login["proxyEndpoint"] == f"http://{registry.address}"
        assert ecr.describe_images(repositoryName="example-image")["imageDetails"] == []

        digest, manifest = registry.push("example-image", "latest", b"layer one")
        (image,) = ecr.describe_images(repositoryName="example-image")["imageDetails"]
        assert (image["imageDigest"], image["imageTags"]) == (digest, ["latest"])
        assert image["imageSizeInBytes"] == len(b"{}") + len(b"layer one")
        ids = [{"imageTag": "latest"}]
        (got,) = ecr.batch_get_image(repositoryName="example-image", imageIds=ids)["images"]
        assert got["imageManifest"] == manifest

        ecr.put_image(repositoryName="example-image", imageManifest=manifest, imageTag="v1")
        assert registry.has("example-image", "v1")
        unknown = json.dumps(json.loads(manifest) | {"layers": [{"digest": "sha256:" + "0" * 64, "size": 1}]})
        with pytest.raises(ClientError) as caught:
            ecr.put_image(repositoryName="example-image", imageManifest=unknown, imageTag="v2")
        assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
        with pytest.raises(ClientError) as caught:
            ecr.batch_delete_image(repositoryName="example-image", imageIds=[{"imageTag": "v1"}])
        assert "by its digest" in str(caught.value)

        moved, _ = registry.push("example-image", "latest", b"layer two")
        listed = ecr.list_images(repositoryName="example-image")["imageIds"]
        assert sorted((one["imageDigest"], one.get("imageTag")) for one in listed) == sorted(
            [(digest, "v1"), (moved, "latest")]
        )
        ecr.batch_delete_image(repositoryName="example-image", imageIds=[{"imageDigest": digest}])
        assert not registry.has("example-image", digest) and registry.has("example-image", moved)
        with pytest.raises(ClientError) as caught:
            ecr.delete_repository(repositoryName="example-image")
        assert caught.value.response["Error"]["Code"] == "RepositoryNotEmptyException"
        assert registry.has("example-image", moved)
        ecr.delete_repository(repositoryName="example-image", force=True)
        assert not registry.has("example-image", moved)


def test_a_layer_is_fetched_by_its_url_without_a_signature(registry, tmp_path):
    with world(tmp_path, "--registry", registry.address) as aws:
        ecr = aws.client("ecr")
        ecr.create_repository(repositoryName="example-image")
        _, manifest = registry.push("example-image", "latest", b"layer one")
        for part, content in ((json.loads(manifest)["config"], b"{}"), (json.loads(manifest)["layers"][0], b"layer one")):
            given = ecr.get_download_url_for_layer(repositoryName="example-image", layerDigest=part["digest"])
            assert given["layerDigest"] == part["digest"]
            assert registry.ask("GET", given["downloadUrl"])[1] == content
        # Not another one by the same permission.
        with pytest.raises(urllib.error.HTTPError) as refused:
            registry.ask("GET", given["downloadUrl"].replace(part["digest"], json.loads(manifest)["config"]["digest"]))
        assert refused.value.code == 403
        for repository, digest, code in (
            ("example-image", "sha256:" + "0" * 64, "LayersNotFoundException"),
            ("example-image", "latest", "InvalidParameterException"),
            ("elsewhere", part["digest"], "RepositoryNotFoundException"),
        ):
            with pytest.raises(ClientError) as caught:
                ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
            assert caught.value.response["Error"]["Code"] == code


def test_a_registry_that_is_gone_is_named(registry, tmp_path):
    with world(tmp_path, "--registry", registry.address) as aws:
        ecr = aws.client("ecr")
        ecr.create_repository(repositoryName="example-image")
        registry.stop()
        with pytest.raises(ClientError) as caught:
            ecr.describe_images(repositoryName="example-image")
        assert caught.value.response["Error"]["Code"] == "ServerException"
        assert registry.address in str(caught.value)


def test_a_registry_elsewhere_is_refused(tmp_path, cli):
    for address in ("example.com:5000", "192.0.2.1:5000", "127.0.0.1"):
        done = cli.run("sandbox", "--registry", address, check=False)
        assert done.returncode == 2 and address in done.stderr.decode()
