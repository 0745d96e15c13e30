"""Backups in a bucket of any S3, locked against deletion where the settings say so."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from agent.config import Settings
from agent.host import files
from agent.host.clock import Clock, utc_now, write_time
from agent.stores import s3_check
from agent.stores.errors import BackupConflict, BackupLocked, BackupMissing
from agent.stores.names import check_name, name_at
from agent.stores.port import Finding
from agent.stores.s3_connection import UNKNOWN, S3Options, code_of, connect, md5_of, read_keys, speaking

SCHEME = "s3"
PART_BYTES = 16 << 20
MOST_PARTS = 9_000
"""S3 takes 10,000; larger objects get larger parts."""
GONE = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchUpload", "404"})


@dataclass(frozen=True)
class Version:
    """One thing that stands under a key: content, or the mark that it was deleted."""

    id: str | None
    is_content: bool
    size: int = 0


class S3Store:
    """Keeps each object under one key. Of several versions the first is the backup: what came later was put by somebody else."""

    def __init__(self, options: S3Options, clock: Clock = utc_now) -> None:
        self._options = options
        self._clock = clock
        self._is_conditional = True
        """The store knows how to put only what is not there."""

    @cached_property
    def _client(self) -> Any:
        """Made when it is needed: it takes half a second and 30 MB."""
        return connect(self._options)

    def locate(self, name: str) -> str:
        return f"{SCHEME}:{check_name(name)}"

    def put(self, name: str, source: Path) -> str:
        """Store the file; it is there whole or not at all. Raises :class:`BackupConflict`."""
        location, key = self.locate(name), self._key(name)
        digest = files.sha256_of(source)
        with speaking(self._options):
            if not self._is_standing(key, digest, location):
                self._abort_halves(key)
                try:
                    self._send(key, source, digest)
                except ClientError as error:
                    # Somebody was faster; that is right where it is the same.
                    if code_of(error) not in {"PreconditionFailed", "412"}:
                        raise
                    self._is_standing(key, digest, location)
        return location

    def read_back(self, location: str, destination: Path) -> None:
        """Fetch the first version into a file. Raises :class:`BackupMissing`."""
        key = self._key(name_at(location, SCHEME))
        with speaking(self._options):
            first = self._find_first(key)
            if first is None:
                raise _missing(location)
            try:
                body = self._client.get_object(**self._named(key, first))["Body"]
                files.write_durably(destination, body.iter_chunks(files.CHUNK_BYTES))
            except ClientError as error:
                if code_of(error) in GONE:
                    raise _missing(location) from error
                raise

    def delete(self, location: str) -> bool:
        """Remove all versions and halves. Raises :class:`BackupLocked`, and then everything stays."""
        key = self._key(name_at(location, SCHEME))
        with speaking(self._options):
            self._abort_halves(key)
            # Content first: while a lock holds it, nothing else is touched.
            versions = sorted(self._list_versions(key), key=lambda version: not version.is_content)
            for version in versions:
                try:
                    self._client.delete_object(**self._named(key, version))
                except ClientError as error:
                    if code_of(error) not in GONE:
                        self._raise_if_locked(key, version, location, error)
                        raise
        return any(version.is_content for version in versions)

    def exists(self, location: str) -> bool:
        key = self._key(name_at(location, SCHEME))
        with speaking(self._options):
            return self._find_first(key) is not None

    def check(self) -> Iterator[Finding]:
        """Try the keys, the bucket, and the lock by attacking it; see :mod:`agent.stores.s3_check`."""
        return s3_check.check(self._client, self._options, self._key("check"), self._clock)

    def _key(self, name: str) -> str:
        return f"{self._options.prefix}/{name}".lstrip("/")

    def _named(self, key: str, version: Version) -> dict[str, str]:
        named = {"Bucket": self._options.bucket, "Key": key}
        return named if version.id is None else {**named, "VersionId": version.id}

    def _is_standing(self, key: str, digest: str, location: str) -> bool:
        first = self._find_first(key)
        if first is None:
            return False
        if self._client.head_object(**self._named(key, first)).get("Metadata", {}).get("sha256") != digest:
            raise BackupConflict(
                f"{location} stands already with other content and was left as it is. Use a new backup id.",
                location=location,
            )
        return True

    def _find_first(self, key: str) -> Version | None:
        contents = [version for version in self._list_versions(key) if version.is_content]
        return contents[-1] if contents else None

    def _list_versions(self, key: str) -> list[Version]:
        """Newest first, as the store has them; a store without versions has one."""
        pages = self._client.get_paginator("list_object_versions")
        found: list[tuple[datetime, Version]] = []
        try:
            for page in pages.paginate(Bucket=self._options.bucket, Prefix=key):
                for kind in ("Versions", "DeleteMarkers"):
                    found += [
                        (row["LastModified"], Version(row["VersionId"], kind == "Versions"))
                        for row in page.get(kind, [])
                        if row["Key"] == key
                    ]
        except ClientError as error:
            if code_of(error) not in UNKNOWN:
                raise
            return self._find_unversioned(key)
        return [version for _, version in sorted(found, key=lambda pair: pair[0], reverse=True)]

    def _find_unversioned(self, key: str) -> list[Version]:
        try:
            self._client.head_object(Bucket=self._options.bucket, Key=key)
        except ClientError as error:
            if code_of(error) in GONE:
                return []
            raise
        return [Version(None, is_content=True)]

    def _send(self, key: str, source: Path, digest: str) -> None:
        made = {"Bucket": self._options.bucket, "Key": key, "Metadata": {"sha256": digest}, **self._lock()}
        if files.size_of(source) > PART_BYTES:
            self._send_parts(made, source)
            return
        body = source.read_bytes()
        self._once(lambda only: self._client.put_object(**made, **only, Body=body, ContentMD5=md5_of(body)))

    def _send_parts(self, made: dict[str, Any], source: Path) -> None:
        size = max(PART_BYTES, -(-files.size_of(source) // MOST_PARTS))
        upload = self._client.create_multipart_upload(**made)
        named = {"Bucket": made["Bucket"], "Key": made["Key"], "UploadId": upload["UploadId"]}
        parts: list[dict[str, Any]] = []
        with source.open("rb") as reader:
            while body := reader.read(size):
                sent = self._client.upload_part(
                    **named, PartNumber=len(parts) + 1, Body=body, ContentMD5=md5_of(body)
                )
                parts.append({"PartNumber": len(parts) + 1, "ETag": sent["ETag"]})
        # An upload that is not completed is no object; the next attempt aborts it.
        self._once(
            lambda only: self._client.complete_multipart_upload(
                **named, **only, MultipartUpload={"Parts": parts}
            )
        )

    def _once(self, send: Callable[[dict[str, str]], object]) -> None:
        """Put only where nothing stands; a store that does not know the word was looked at before."""
        if self._is_conditional:
            try:
                send({"IfNoneMatch": "*"})
            except ClientError as error:
                if code_of(error) not in UNKNOWN:
                    raise
                self._is_conditional = False
            else:
                return
        send({})

    def _lock(self) -> dict[str, Any]:
        if not self._options.lock_days:
            return {}
        until = self._clock() + timedelta(days=self._options.lock_days)
        return {"ObjectLockMode": self._options.lock_mode.upper(), "ObjectLockRetainUntilDate": until}

    def _abort_halves(self, key: str) -> None:
        """Remove what killed attempts left of this key; one job makes one backup, so nobody else is writing it."""
        bucket = self._options.bucket
        try:
            halves = self._client.list_multipart_uploads(Bucket=bucket, Prefix=key).get("Uploads", [])
        except ClientError as error:
            if code_of(error) in UNKNOWN | GONE:
                return
            raise
        for half in halves:
            if half["Key"] == key:
                self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=half["UploadId"])

    def _raise_if_locked(self, key: str, version: Version, location: str, error: ClientError) -> None:
        if not version.is_content:
            return
        head = self._client.head_object(**self._named(key, version))
        until = head.get("ObjectLockRetainUntilDate")
        is_held = head.get("ObjectLockLegalHoldStatus") == "ON"
        if is_held or (until is not None and until > self._clock()):
            ends = None if is_held or until is None else write_time(until)
            raise BackupLocked(
                f"{location} is locked {f'until {ends}' if ends else 'by a legal hold'} and stays until then; nothing was "
                "removed. It can be deleted after that.",
                until=ends,
                location=location,
            ) from error


def make_s3_store(settings: Settings, bucket: str, prefix: str) -> S3Store:
    """The store that the settings name. Raises :class:`ValueError` for what cannot be right."""
    if settings.s3_key_file is None:
        raise ValueError(
            "PRESS_AGENT_S3_KEY_FILE is not set: s3: needs a file with the id and the secret key"
        )
    key_id, key = read_keys(settings.s3_key_file)
    return S3Store(
        S3Options(
            bucket=bucket,
            prefix=prefix,
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            is_path_style=settings.s3_path_style,
            key_id=key_id,
            key=key,
            lock_days=settings.s3_lock_days,
            lock_mode=settings.s3_lock_mode,
            timeout_seconds=settings.s3_timeout_seconds,
        )
    )


def _missing(location: str) -> BackupMissing:
    return BackupMissing(
        f"{location} is not in the store; the site was not touched. Choose another backup.", location=location
    )
