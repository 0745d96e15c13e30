"""The wanted state of each site as a small file; the bench reads it at its start and whenever it is told to."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import ClassVar

from agent.engines.door.layout import BenchFolder
from agent.engines.errors import SiteUnknown
from agent.engines.port import ConfigValue, SiteState
from agent.errors import AgentError
from agent.host import files


class DoorState(StrEnum):
    """What the bench answers the site's users; the same words as in the bench's program."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    """Not ready yet, or its data are being replaced."""


class HostnameTaken(AgentError):
    """Another site of the bench has the hostname."""

    code: ClassVar[str] = "hostname_taken"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The hostname belongs to another site"


@dataclass(frozen=True, kw_only=True)
class SiteNote:
    """What stands in a site's file."""

    hostname: str
    state: DoorState
    resumes_as: DoorState = DoorState.ACTIVE
    """The state to return to when the data have been replaced; ``closed`` for a site that never was open."""
    reason: str = ""
    config: Mapping[str, ConfigValue] = field(default_factory=dict)
    """What counts for this site alone, where the bench is who reads it."""
    muted: bool = False
    """It is a copy that tells nothing to the world; likewise."""

    @property
    def shown(self) -> SiteState:
        return SiteState.ACTIVE if self.state is DoorState.ACTIVE else SiteState.SUSPENDED


def find(bench: BenchFolder, site_id: str) -> SiteNote | None:
    try:
        raw = json.loads(bench.site(site_id).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return SiteNote(
        hostname=raw["hostname"],
        state=DoorState(raw["state"]),
        resumes_as=DoorState(raw["resumes_as"]),
        reason=raw["reason"],
        config=raw.get("config", {}),
        muted=raw.get("muted", False),
    )


def get(bench: BenchFolder, site_id: str) -> SiteNote:
    """Return the wanted state of a site whose data stand. Raises ``site_unknown``."""
    note = find(bench, site_id) if bench.data(site_id).exists() else None
    if note is None:
        raise unknown(site_id)
    return note


def unknown(site_id: str) -> SiteUnknown:
    return SiteUnknown(
        f"Site {site_id} is not on this bench; nothing was touched. Create or restore it first."
    )


def write(bench: BenchFolder, site_id: str, note: SiteNote) -> bool:
    """Store the wanted state. Returns whether it was another one."""
    if find(bench, site_id) == note:
        return False
    files.write_atomic(bench.site(site_id), json.dumps(asdict(note)))
    return True


def change(bench: BenchFolder, site_id: str, **fields: object) -> bool:
    """Store the wanted state with some fields changed, whatever became of the data. Raises ``site_unknown``."""
    note = find(bench, site_id) or get(bench, site_id)
    return write(bench, site_id, replace(note, **fields))  # type: ignore[arg-type]


def close(bench: BenchFolder, site_id: str, hostname: str) -> SiteNote:
    """Close the site while its data are replaced; the state it had is remembered. Returns what was stored."""
    note = find(bench, site_id)
    if note is None:
        note = SiteNote(hostname=hostname, state=DoorState.CLOSED, resumes_as=DoorState.CLOSED)
    resumes_as = note.resumes_as if note.state is DoorState.CLOSED else note.state
    closed = replace(note, hostname=hostname, state=DoorState.CLOSED, resumes_as=resumes_as)
    write(bench, site_id, closed)
    return closed


def get_open_state(note: SiteNote) -> DoorState:
    """Return the state in which a site serves: a new one opens, a suspended one stays suspended."""
    state = note.resumes_as if note.state is DoorState.CLOSED else note.state
    return DoorState.ACTIVE if state is DoorState.CLOSED else state


def list_ids(bench: BenchFolder) -> list[str]:
    """Return all sites that left anything behind: data or a file."""
    return sorted({*(path.stem for path in bench.notes.glob("*.json")), *bench.list_data()})


def refuse_taken(bench: BenchFolder, site_id: str, hostname: str) -> None:
    """Raise :class:`HostnameTaken` when another site answers at the hostname."""
    for other in list_ids(bench):
        note = find(bench, other) if other != site_id else None
        if note is not None and note.hostname == hostname:
            raise HostnameTaken(
                f"{hostname} belongs to site {other}. Nothing was changed; drop that site or choose another hostname."
            )
