"""Which control plane this host obeys, and the agent's own key pair."""

import json
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.credentials.errors import AlreadyEnrolled, NotEnrolled
from agent.host import files
from agent.host.locks import file_lock

URL = r"^https?://[^\s/?#]+(/[^\s?#]*)?$"


class Enrolment(BaseModel):
    """What ``press-agent enroll`` reads and this host then stores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    server_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    control_plane_url: str = Field(pattern=URL)
    control_plane_public_key: str

    def public_key(self) -> OKPKey:
        """Return the control plane's key. Raises ``ValueError`` when it is not a public Ed25519 key."""
        return read_key(self.control_plane_public_key)


def read_key(pem: str) -> OKPKey:
    """Read an Ed25519 key from PEM. Raises ``ValueError`` on anything else."""
    try:
        key = OKPKey.import_key(pem)
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError("not an Ed25519 key in PEM") from error
    if key.curve_name != "Ed25519":
        raise ValueError(f"an Ed25519 key is needed, not {key.curve_name}")
    return key


class Identity:
    """The key pair and the enrolment as files; a change made by another process is seen at the next look."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir
        self._enrolment_file = data_dir / "enrolment.json"
        self._key_file = data_dir / "agent.key"
        self._cached: tuple[int, Enrolment] | None = None
        self._key: OKPKey | None = None

    def ensure_key(self) -> OKPKey:
        """Return the agent's private key, made at the first call and never again."""
        if self._key is None:
            files.make_directory(self._folder)
            with file_lock(self._folder / "agent.key.lock", timeout_seconds=10):
                if not self._key_file.exists():
                    pem = OKPKey.generate_key("Ed25519").as_pem(private=True)
                    files.write_atomic(self._key_file, pem, mode=0o600)
            self._key = read_key(self._key_file.read_text("utf-8"))
        return self._key

    def public_pem(self) -> str:
        """Return the agent's public key for the control plane to store."""
        return self.ensure_key().as_pem(private=False).decode()

    def find_enrolment(self) -> Enrolment | None:
        """Return what was enrolled last, or None."""
        try:
            stamp = self._enrolment_file.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        if self._cached is None or self._cached[0] != stamp:
            self._cached = (stamp, Enrolment.model_validate_json(self._enrolment_file.read_bytes()))
        return self._cached[1]

    def get_enrolment(self) -> Enrolment:
        """Return the enrolment. Raises :class:`NotEnrolled`."""
        enrolment = self.find_enrolment()
        if enrolment is None:
            raise NotEnrolled(
                "This agent knows no control plane yet; nothing was touched. Run `press server add` there."
            )
        return enrolment

    def enroll(self, wanted: Enrolment, *, replace: bool) -> None:
        """Store the enrolment. Raises :class:`AlreadyEnrolled` for another control plane, unless ``replace``."""
        present = self.find_enrolment()
        if present is not None and not replace and not _is_same_plane(present, wanted):
            raise AlreadyEnrolled(
                f"This host obeys the control plane at {present.control_plane_url} as {present.server_id!r}. "
                "Nothing was changed; give --replace to hand it over."
            )
        self.ensure_key()
        files.write_atomic(self._enrolment_file, wanted.model_dump_json(indent=2), mode=0o600)


def _is_same_plane(present: Enrolment, wanted: Enrolment) -> bool:
    same_key = present.public_key().thumbprint() == wanted.public_key().thumbprint()
    return same_key and present.server_id == wanted.server_id


def parse_enrolment(text: str) -> Enrolment:
    """Read the JSON that ``press server add`` pipes in. Raises ``ValueError`` with what is wrong."""
    try:
        data: Any = json.loads(text)
        enrolment = Enrolment.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "input"
        raise ValueError(f"{where}: {first['msg']}") from error
    if enrolment.public_key().is_private:
        raise ValueError(
            "control_plane_public_key: this is a private key; it must not leave the control plane"
        )
    return enrolment
