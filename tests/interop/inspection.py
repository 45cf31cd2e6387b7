"""A company's proxy that looks into TLS: it shows a certificate of its own for every AWS host, and a world stands behind it."""

import http.client
import http.server
import re
import ssl
import threading
import urllib.parse

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from names import certificate, pem, private_pem

HOSTS = ["*.amazonaws.com", "*.us-east-1.amazonaws.com"]
HOSTS += [f"*.{service}.us-east-1.amazonaws.com" for service in ("s3", "sagemaker", "ecr")]
# What is made anew for the other side.
DROPPED = {"host", "authorization", "connection", "content-length", "x-amz-date", "x-amz-content-sha256"}


class InspectingProxy:
    """Only CONNECT is let through. authority.pem in the folder is of whom its certificates are."""

    def __init__(self, folder, world):
        authority = certificate("inspection")
        self.bundle = folder / "authority.pem"
        self.bundle.write_bytes(pem(authority[0]))
        shown, key = certificate(HOSTS[0], authority, HOSTS)
        (folder / "inspection.pem").write_bytes(private_pem(key) + pem(shown))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "inspection.pem")
        outer = self
        self.connected, self.refused = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_CONNECT(self):
                outer.connected.append(self.path)
                self.send_response(200)
                self.end_headers()
                try:
                    self.connection = context.wrap_socket(self.connection, server_side=True)
                except OSError as error:
                    outer.refused.append(getattr(error, "reason", str(error)))
                    self.close_connection = True
                    return
                self.rfile = self.connection.makefile("rb", -1)
                self.wfile = self.connection.makefile("wb", 0)
                self.close_connection = False

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = _asked(world, self.command, self.headers, self.path, body)
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = pass_on

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def _asked(world, method, headers, path, body):
    """The world's answer. A signature covers the host: the request is signed again, for the world's own name."""
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", headers["Authorization"])
    region, service = scope.groups()
    bucket = re.fullmatch(r"(.+)\.s3\.[a-z0-9-]+\.amazonaws\.com", headers["Host"])
    path = f"/{bucket.group(1)}{path}" if bucket else path
    kept = {name: value for name, value in headers.items() if name.lower() not in DROPPED}
    request = AWSRequest(method=method, url=world.endpoint + path, data=body, headers=kept)
    credentials = Credentials(world.variables["AWS_ACCESS_KEY_ID"], world.variables["AWS_SECRET_ACCESS_KEY"])
    sign = S3SigV4Auth if service == "s3" else SigV4Auth
    sign(credentials, service, region).add_auth(request)
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(world.endpoint).netloc, timeout=60)
    connection.request(method, path, body=body, headers=dict(request.headers.items()))
    return connection.getresponse()
