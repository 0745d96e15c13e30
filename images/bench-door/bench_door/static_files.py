"""Serves the web client's files and nothing else: what is not in the list made at the start does not exist."""

import gzip
import hashlib
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

COMPRESSED = frozenset({".js", ".css", ".html", ".svg", ".json", ".map"})
SMALL_BYTES = 1024


@dataclass(frozen=True)
class _File:
    kind: str
    etag: str
    body: bytes
    packed: bytes | None


class StaticFiles:
    """The files below a folder by URL path, kept in memory with their compressed form (about 3 MB for the client)."""

    def __init__(self, root: Path) -> None:
        self._files: dict[str, _File] = {}
        for path in sorted(root.rglob("*")):
            if path.is_file():
                name = f"/{path.relative_to(root).as_posix()}"
                self._files[name] = self._files[_short_name(name)] = _read(path)

    def has(self, path: str) -> bool:
        return path in self._files

    def answer(
        self, environ: WSGIEnvironment, start_response: StartResponse, *headers: tuple[str, str]
    ) -> Iterable[bytes]:
        """Answer GET and HEAD for a path that :meth:`has` knows; browsers ask again each time and mostly get a 304."""
        file = self._files[environ["PATH_INFO"]]
        common = [("ETag", file.etag), ("Cache-Control", "no-cache"), ("Vary", "Accept-Encoding"), *headers]
        common.append(("X-Content-Type-Options", "nosniff"))
        if environ.get("HTTP_IF_NONE_MATCH") == file.etag:
            start_response(f"{HTTPStatus.NOT_MODIFIED.value} Not Modified", common)
            return []
        body = file.body
        if file.packed is not None and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            body = file.packed
            common.append(("Content-Encoding", "gzip"))
        start_response("200 OK", [("Content-Type", file.kind), ("Content-Length", str(len(body))), *common])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _short_name(name: str) -> str:
    """Pages answer without their ending too: ``/index.html`` as ``/``, ``/-/login.html`` as ``/-/login``."""
    return name.removesuffix("index.html") if name.endswith("/index.html") else name.removesuffix(".html")


def _read(path: Path) -> _File:
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind.endswith("javascript"):
        kind += "; charset=utf-8"
    is_worth_it = path.suffix in COMPRESSED and len(body) > SMALL_BYTES
    packed = gzip.compress(body, compresslevel=6, mtime=0) if is_worth_it else None
    return _File(kind, f'"{hashlib.sha256(body).hexdigest()[:20]}"', body, packed)
