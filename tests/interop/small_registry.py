"""A registry on loopback with one image, as much of its protocol as reading takes."""

import hashlib
import http.server
import json
import threading

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class SmallRegistry:
    """REPOSITORY:latest, an image with this entry point."""

    def __init__(self, repository, entrypoint):
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Entrypoint": entrypoint}}).encode()
        digest = "sha256:" + hashlib.sha256(config).hexdigest()
        kind = "application/vnd.docker.container.image.v1+json"
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": kind, "size": len(config), "digest": digest},
            "layers": [],
        }
        pages = {
            f"/v2/{repository}/tags/list": ("application/json", json.dumps({"tags": ["latest"]}).encode()),
            f"/v2/{repository}/manifests/latest": (MANIFEST, json.dumps(manifest).encode()),
            f"/v2/{repository}/blobs/{digest}": ("application/octet-stream", config),
        }

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                kind, page = pages.get(self.path, (None, b""))
                self.send_response(200 if kind else 404)
                self.send_header("Content-Type", kind or "text/plain")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(page)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.image = f"{self.address}/{repository}:latest"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
