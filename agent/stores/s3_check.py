"""Whether a bucket does what backups need: found by doing it, and the lock by attacking it."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from agent.errors import AgentError
from agent.host.clock import Clock
from agent.stores.port import Finding
from agent.stores.s3_connection import S3Options, md5_of, speaking

PROBE = b"What is written here shall stay."
OTHER = b"What is written here came later."
PROBE_LIVES = timedelta(minutes=2)
"""For so long a probe is locked; the next check removes it."""


@dataclass(frozen=True)
class Probe:
    """One object that is attacked."""

    client: Any
    bucket: str
    key: str
    version: str
    until: datetime
    mode: str

    @property
    def named(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.key, "VersionId": self.version}


def check(client: Any, options: S3Options, folder: str, clock: Clock) -> Iterator[Finding]:
    """Findings in the order in which things were tried; what cannot go on ends with the finding that says why."""
    key = f"{folder}/{uuid.uuid4()}"
    try:
        with speaking(options):
            yield _use(client, options, f"{key}-plain")
            if options.lock_days:
                probe = _put_locked(client, options, f"{key}-locked", clock)
                yield _look(probe)
                yield from _attack(probe, clock)
            else:
                message = "none asked for (PRESS_AGENT_S3_LOCK_DAYS=0): whoever has these keys can delete every backup"
                yield Finding("lock", is_ok=True, message=message)
    except AgentError as error:
        yield Finding("store", is_ok=False, message=error.message)
    else:
        _sweep(client, options, folder)


def _use(client: Any, options: S3Options, key: str) -> Finding:
    named = {"Bucket": options.bucket, "Key": key}
    client.put_object(**named, Body=PROBE)
    read = client.get_object(**named)["Body"].read()
    client.delete_object(**named)
    message = f"{options.bucket} takes an object and gives it back"
    if read != PROBE:
        message = f"{options.bucket} gives back something else than was put; do not use it"
    return Finding("store", is_ok=read == PROBE, message=message)


def _put_locked(client: Any, options: S3Options, key: str, clock: Clock) -> Probe:
    until, mode = clock() + PROBE_LIVES, options.lock_mode.upper()
    put = client.put_object(
        Bucket=options.bucket,
        Key=key,
        Body=PROBE,
        ObjectLockMode=mode,
        ObjectLockRetainUntilDate=until,
        ContentMD5=md5_of(PROBE),
    )
    return Probe(client, options.bucket, key, str(put.get("VersionId") or "null"), until, mode)


def _look(probe: Probe) -> Finding:
    """Some stores take the words of a lock and forget them."""
    head = probe.client.head_object(**probe.named)
    until = head.get("ObjectLockRetainUntilDate")
    is_kept = until is not None and abs(until - probe.until) < timedelta(seconds=2)
    is_ok = is_kept and head.get("ObjectLockMode") == probe.mode
    message = f"an object is locked ({probe.mode.lower()}) for as long as was asked"
    if not is_ok:
        message = f"the store says that the object is locked by {head.get('ObjectLockMode')} until {until}: it is not"
    return Finding("lock", is_ok=is_ok, message=message)


def _attack(probe: Probe, clock: Clock) -> Iterator[Finding]:
    client, named = probe.client, probe.named
    at = {"Bucket": probe.bucket, "Key": probe.key}
    soon = {"Mode": probe.mode, "RetainUntilDate": clock() + timedelta(seconds=5)}
    yield _try(probe, "delete", "deleting a backup", lambda: client.delete_object(**named))
    yield _try(
        probe, "shorten", "ending a lock early", lambda: client.put_object_retention(**named, Retention=soon)
    )
    yield _try(
        probe,
        "overwrite",
        "overwriting a backup",
        lambda: client.put_object(**at, Body=OTHER),
        may_answer=True,
    )
    yield _try(
        probe,
        "hide",
        "deleting without naming a version",
        lambda: client.delete_object(**at),
        may_answer=True,
    )
    # The last, because it may succeed.
    yield _try(
        probe,
        "bypass",
        "deleting with the right to bypass the lock",
        lambda: client.delete_object(**named, BypassGovernanceRetention=True),
    )


def _try(
    probe: Probe, name: str, words: str, attack: Callable[[], object], *, may_answer: bool = False
) -> Finding:
    """Attack, then look whether the object stands as it was; what the store answers alone proves nothing."""
    try:
        attack()
        answer = "was answered with success"
    except ClientError as error:
        answer = f"was refused ({error.response.get('Error', {}).get('Code', '')})"
    try:
        stands = probe.client.get_object(**probe.named)["Body"].read() == PROBE
    except ClientError:
        stands = False
    is_ok = stands and (may_answer or answer.startswith("was refused"))
    if is_ok:
        return Finding(name, is_ok=True, message=f"{words} {answer}; the object stands")
    advice = "the lock does not hold: do not count on it, and choose another store"
    if name == "bypass" and probe.mode == "GOVERNANCE":
        advice = "these keys may lift the lock: take that right from them, or set PRESS_AGENT_S3_LOCK_MODE=compliance"
    return Finding(name, is_ok=False, message=f"{words} {answer}; {advice}")


def _sweep(client: Any, options: S3Options, folder: str) -> None:
    """Remove probes whose lock has ended."""
    try:
        pages = client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=options.bucket, Prefix=f"{folder}/"):
            for row in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                _remove(client, options.bucket, row)
    except ClientError:
        return  # A store without versions has nothing left.


def _remove(client: Any, bucket: str, row: dict[str, Any]) -> None:
    try:
        client.delete_object(Bucket=bucket, Key=row["Key"], VersionId=row["VersionId"])
    except ClientError:
        return  # Still locked.
