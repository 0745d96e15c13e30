"""How an S3 is reached, and what its errors mean."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from urllib3.exceptions import HTTPError

from agent.commands.redact import Secret
from agent.errors import AgentError
from agent.stores.errors import (
    StoreBucketMissing,
    StoreFailed,
    StoreFull,
    StoreRefused,
    StoreThrottled,
    StoreUnlockable,
    StoreUnreachable,
)

CONNECT_SECONDS = 10
TRIES = 5
"""With growing waits between them; the step is tried again after that for as long as its error says."""
REFUSED = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "Forbidden", "AllAccessDisabled"}
    | {"RequestTimeTooSkewed", "InvalidToken", "ExpiredToken", "403", "401"}
)
THROTTLED = frozenset({"SlowDown", "Throttling", "RequestLimitExceeded", "TooManyRequests", "503", "429"})
FULL = frozenset({"XMinioStorageFull", "QuotaExceeded", "InsufficientStorage", "StorageFull", "507"})
UNLOCKABLE = frozenset({"ObjectLockConfigurationNotFoundError", "InvalidRequest"})
UNKNOWN = frozenset({"NotImplemented", "MethodNotAllowed", "501", "405"})
"""How stores say that they do not know a request, or a word in it."""


@dataclass(frozen=True, kw_only=True)
class S3Options:
    """Which bucket, and how to speak to it."""

    bucket: str
    prefix: str = ""
    """Without slashes at its ends; a folder of the bucket that is this host's own."""
    endpoint: str = ""
    """Empty for AWS."""
    region: str = "us-east-1"
    is_path_style: bool = True
    key_id: str
    key: Secret
    lock_days: int = 0
    """0 locks nothing."""
    lock_mode: Literal["governance", "compliance"] = "governance"
    timeout_seconds: float = 60.0


def read_keys(path: Path) -> tuple[str, Secret]:
    """The access key's id and the secret one: the first two words of the file. Raises :class:`ValueError`."""
    try:
        words = path.read_text(encoding="utf-8").split()
    except OSError as error:
        message = f"PRESS_AGENT_S3_KEY_FILE={path}: it cannot be read ({error.strerror})"
        raise ValueError(message) from None
    if len(words) != 2:  # noqa: PLR2004 - an id and a key
        message = f"PRESS_AGENT_S3_KEY_FILE={path}: write the access key's id and the secret key into it, one a line"
        raise ValueError(message)
    return words[0], Secret(words[1])


def connect(options: S3Options) -> Any:
    """A client that waits and tries again by itself when the store is slow or busy."""
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=options.endpoint or None,
        region_name=options.region,
        aws_access_key_id=options.key_id,
        aws_secret_access_key=options.key.reveal(),
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=options.timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": TRIES},
            s3={"addressing_style": "path" if options.is_path_style else "virtual"},
            # Many stores refuse the trailers that are the client's default; each request carries its own checksum here.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    client.meta.events.register_first("needs-retry.s3", _let_out)
    return client


def _let_out(caught_exception: Exception | None = None, **_: object) -> None:
    """The client takes whatever is raised while it waits for trouble of the network and tries again: even our deadline."""
    own = caught_exception.kwargs.get("error") if isinstance(caught_exception, HTTPClientError) else None
    if isinstance(own, AgentError):
        raise own


@contextmanager
def speaking(options: S3Options) -> Iterator[None]:
    """Turn what the client raises into errors that say what to do."""
    try:
        yield
    except ClientError as error:
        raise explain(error, options) from error
    except (BotoCoreError, HTTPError) as error:
        where = options.endpoint or "AWS"
        slow = isinstance(error, ReadTimeoutError | ConnectTimeoutError)
        what = f"did not answer within {options.timeout_seconds:g} s" if slow else "cannot be reached"
        if not isinstance(error, EndpointConnectionError) and not slow:
            what = f"broke off ({type(error).__name__})"
        message = (
            f"The backup store at {where} {what}. Nothing counts as stored that was not stored whole; the site was not "
            "touched. Check the store and the network; `press-agent store check` tries them."
        )
        raise StoreUnreachable(message) from error


def md5_of(body: bytes) -> str:
    """The one checksum that every store compares before it keeps what it was sent."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def code_of(error: ClientError) -> str:
    """The store's own word, or the status where it gave none."""
    told = error.response.get("Error", {}).get("Code", "")
    return str(told or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))


def explain(error: ClientError, options: S3Options) -> AgentError:
    """What the store's word means for whoever runs this host."""
    code = code_of(error)
    status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    told = f"The backup store answered {code}"
    untouched = "Nothing was stored, and the site was not touched."
    if code == "NoSuchBucket":
        return StoreBucketMissing(
            f"The backup store has no bucket {options.bucket!r}. {untouched} Make it, or name another one in "
            "PRESS_AGENT_BACKUP_STORE."
        )
    if code in FULL or status == "507":
        return StoreFull(f"{told}: it has no room. {untouched} Free some, or enlarge it.")
    if code in REFUSED:
        return StoreRefused(
            f"{told}: it does not take this host's keys, or they may not do this. {untouched} Put right the file that "
            "PRESS_AGENT_S3_KEY_FILE names, the rights of the keys, or the clock."
        )
    if code in THROTTLED or status in {"503", "429"}:
        return StoreThrottled(
            f"{told} to {TRIES} tries: it is too busy. {untouched} It is tried again with the next backup; take fewer at a time."
        )
    if code in UNLOCKABLE and options.lock_days:
        return StoreUnlockable(
            f"{told} to an object with a lock: the bucket {options.bucket!r} has none. {untouched} Make a bucket with object "
            "lock, or set PRESS_AGENT_S3_LOCK_DAYS=0."
        )
    return StoreFailed(f"{told}. {untouched} Look at the store; `press-agent store check` tries it.")
