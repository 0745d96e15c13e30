"""Git repositories behind TLS at this machine, with a certificate that nobody trusts who was not told to."""

import os
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

HOST = "127.0.0.1"
SECONDS = 600
VALID = timedelta(days=30)


@contextmanager
def git_https(folder: Path, keys: Path | None = None) -> Iterator[tuple[str, Path]]:
    """Serve the bare repositories in ``folder``; yields the address before their names, and the authority's certificate.

    ``keys`` is where that is kept from run to run: builds that trust another authority are other builds.
    """
    authority, pair = _certify(keys or folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    with HTTPServer(host=HOST, ssl_context=context, threaded=True) as server:
        server.expect_request(re.compile("/.*")).respond_with_handler(
            lambda request: _answer(folder, request)
        )
        yield server.url_for("").rstrip("/"), authority


def publish(folder: Path, name: str, source: Path, branch: str, commit: str) -> None:
    """A bare repository with one branch, which is a commit of another repository; nothing is copied."""
    bare = folder / name
    bare.mkdir(parents=True)
    objects = source / "objects"
    if not objects.exists():
        objects = source / ".git" / "objects"
    subprocess.run(["git", "init", "--quiet", "--bare", f"--initial-branch={branch}", bare], check=True)
    (bare / "objects" / "info" / "alternates").write_text(f"{objects}\n")
    subprocess.run(["git", "update-ref", f"refs/heads/{branch}", commit], cwd=bare, check=True)


def _answer(folder: Path, request: Request) -> Response:
    """What git's own program for web servers says, by the rules of CGI."""
    environment = {
        **os.environ,
        "GIT_PROJECT_ROOT": str(folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query_string.decode(),
        "CONTENT_TYPE": request.content_type or "",
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "REMOTE_ADDR": HOST,
    }
    body = request.get_data()
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "http-backend"],
        input=body,
        env={**environment, "CONTENT_LENGTH": str(len(body))},
        capture_output=True,
        check=True,
        timeout=SECONDS,
    )
    head, _, data = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
    status = int(headers.pop("Status", "200").split()[0])
    return Response(data, status, headers)


def _certify(folder: Path) -> tuple[Path, Path]:
    """The certificate alone, and a file with its key before it, as the server wants it."""
    authority, pair = folder / "authority.pem", folder / "server.pem"
    now = datetime.now(UTC)
    if pair.exists() and datetime.fromtimestamp(pair.stat().st_mtime, UTC) > now - VALID / 2:
        return authority, pair
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody's authority")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = made.public_bytes(Encoding.PEM)
    authority.write_bytes(public)
    pair.write_bytes(private + public)
    return authority, pair
