"""Parameters of the operations: strict types, so that no value can mean a path, a command or another tenant."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from agent.engines.port import Locale

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
PLAIN = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""One name in a location: what begins with a dot could lead out of the store."""
MIB = 1 << 20

Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Hostname = Annotated[str, StringConstraints(max_length=253, pattern=rf"^{LABEL}(\.{LABEL})+$")]
AppName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Apps = Annotated[tuple[AppName, ...], Field(min_length=1, max_length=50)]
Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$")]
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^\s@<>,;:\\\x22]+@[^\s@<>,;:\\\x22]+$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
SecretRef = Annotated[
    str, StringConstraints(max_length=300, pattern=r"^secret://[A-Za-z0-9][A-Za-z0-9/_.-]*$")
]
TtlSeconds = Annotated[int, Field(ge=1, le=86_400)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$")]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
GitUrl = Annotated[
    str, StringConstraints(max_length=300, pattern=r"^((https|file)://[^\s@]+|ssh://([^\s@]+@)?[^\s@]+)$")
]
"""What else git can speak runs programs."""
ConfigName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
ConfigText = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")]
Config = Annotated[
    dict[ConfigName, StrictBool | Annotated[int, Field(ge=-(1 << 53), le=1 << 53, strict=True)] | ConfigText],
    Field(max_length=100),
]
ImageName = Annotated[str, StringConstraints(max_length=200, pattern=r"^[a-z0-9]+([._/:@-]+[A-Za-z0-9_]+)*$")]
"""As Docker writes it: ``debian:trixie-slim``."""
EngineName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class Strict(BaseModel):
    """Takes what is declared and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Params(Strict):
    """Every operation works on one bench."""

    bench_id: Uuid

    @property
    def target_id(self) -> str:
        """The id that the job's target must carry."""
        return self.bench_id

    @property
    def secret_refs(self) -> tuple[str, ...]:
        """The secrets that the params name; no others can be fetched for the job."""
        return ()


class SiteParams(Params):
    """Operations on a site."""

    site_id: Uuid

    @property
    def target_id(self) -> str:
        return self.site_id


class LocaleParams(Strict):
    """Where a company is at home, as the contract describes it."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
    time_zone: Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z]+([/_+-][A-Za-z0-9]+)*$")]


class BackupKey(Strict):
    """The key that wraps the keys of single backups, by reference."""

    id: Uuid
    secret: SecretRef


class Backup(Strict):
    """A backup as the contract describes it."""

    id: Uuid
    site_id: Uuid
    engine: EngineName
    location: Annotated[str, StringConstraints(max_length=600, pattern=rf"^[a-z0-9]+:{PLAIN}(/{PLAIN})*$")]
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Digest
    content_sha256: Digest | None = None
    content_bytes: Annotated[int, Field(ge=0)] | None = None
    key_id: Uuid | None = None
    """Which key opens it; None of a backup that is not encrypted."""
    taken_at: str
    verified_at: str | None = None


def find_locale(named: LocaleParams | None) -> Locale:
    """The engine's words for it; where none is named, the contract's own."""
    return Locale() if named is None else Locale(**named.model_dump())
