"""A name server and an HTTPS server of one's own, with a certificate authority of one's own."""

import datetime
import http.server
import ipaddress
import socket
import ssl
import struct
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

IDENTITY = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::999988887777:user/by-tls</Arn><UserId>AIDAMADEUP</UserId><Account>999988887777</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>made-up</RequestId></ResponseMetadata></GetCallerIdentityResponse>
"""


class NameServer:
    """Answers A questions from a table, and everything else with `no such name`. Names are asked for on port 53."""

    def __init__(self, table, address="127.0.0.153"):
        self._table, self.address = table, address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((address, 53))
        except OSError as error:
            pytest.skip(f"no name server can be started on {address}: {error}")
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, client = self._socket.recvfrom(4096)
            except OSError:
                return
            at, labels = 12, []
            while question[at]:
                labels.append(question[at + 1 : at + 1 + question[at]].decode())
                at += 1 + question[at]
            kind = struct.unpack("!H", question[at + 1 : at + 3])[0]
            address = self._table.get(".".join(labels).lower())
            found = address is not None and kind == 1
            asked = question[12 : at + 5]
            flags = 0x8180 if address is not None else 0x8183
            answer = question[:2] + struct.pack("!HHHHH", flags, 1, int(found), 0, 0) + asked
            if found:
                packed = ipaddress.IPv4Address(address).packed
                answer += struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + packed
            self._socket.sendto(answer, client)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()


class TlsServer:
    """Answers every POST with an identity. ca.pem in the folder signed its certificate; other.pem signed nothing."""

    def __init__(self, folder, name):
        authority = certificate("authority")
        (folder / "ca.pem").write_bytes(pem(authority[0]))
        (folder / "other.pem").write_bytes(pem(certificate("other")[0]))
        shown, key = certificate(name, authority)
        (folder / "server.pem").write_bytes(private_pem(key) + pem(shown))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        outer = self
        self.served = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.served += 1
                self.send_response(200)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(IDENTITY)))
                self.end_headers()
                self.wfile.write(IDENTITY)

            def do_GET(self):
                self.send_error(403)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def pem(made):
    return made.public_bytes(serialization.Encoding.PEM)


def private_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificate(name, authority=None, hosts=None):
    """A certificate and its key, signed by an authority, or an authority's own; for these hosts, or for that of its name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    issuer, signer = (authority[0].subject, authority[1]) if authority else (subject, key)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts or [name]]), critical=False)
    )
    return made.sign(signer, hashes.SHA256()), key
