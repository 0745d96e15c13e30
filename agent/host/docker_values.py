"""Images and containers as we speak of them, and the same in the words of Docker's library."""

import io
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from docker.types import LogConfig

CONFINEMENT = 1
"""Counts up with each change of :func:`describe`, so that containers that run already are replaced."""
LOG_BYTES = "10m"
PACKED_BYTES = 32 << 20
PIDS = 512
TMP_BYTES = 64 << 20
"""``/tmp`` of a container is memory and counts against its limit."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image as the engine has it."""

    id: str
    """``sha256:…``, the hash of all it consists of."""
    size_bytes: int
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """What a container is made of. It has no capabilities and a root that it cannot write to."""

    name: str
    image: str
    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    user: str
    """``uid:gid``: who owns what is mounted."""
    memory_bytes: int
    writable: tuple[Path, ...] = ()
    """Folders of the host that are there at the same place, to be written to."""
    readable: tuple[Path, ...] = ()
    ports: tuple[int, ...] = ()
    """Ports inside that the host has at 127.0.0.1 under the same number."""
    stop_seconds: int = 30
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a container takes; nothing of it while it does not run."""

    memory_bytes: int = 0
    processor_seconds: float = 0.0
    processes: int = 0


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container as the engine has it."""

    name: str
    image_id: str
    directory: Path
    state: str
    """``created``, ``running``, ``restarting``, ``paused``, ``exited``, ``dead`` or ``removing``."""
    labels: Mapping[str, str]
    exit_status: int
    is_out_of_memory: bool
    """Its last end was the kernel's answer to its memory limit."""
    restarts: int


def read_container(attributes: Mapping[str, Any]) -> Container:
    """What the engine says of a container."""
    state = attributes["State"]
    return Container(
        name=attributes["Name"].removeprefix("/"),
        image_id=str(attributes["Image"]),
        directory=Path(attributes["Config"]["WorkingDir"]),
        state=state["Status"],
        labels=dict(attributes["Config"].get("Labels") or {}),
        exit_status=int(state["ExitCode"]),
        is_out_of_memory=bool(state["OOMKilled"]),
        restarts=int(attributes.get("RestartCount", 0)),
    )


def read_image(image_id: str, attributes: Mapping[str, Any], labels: Mapping[str, str] | None) -> Image:
    """What the engine says of an image."""
    return Image(
        id=image_id,
        size_bytes=int(attributes["Size"]),
        labels=dict(labels or {}),
    )


def describe(spec: ContainerSpec) -> dict[str, Any]:
    """A container in the words of the library."""
    return {
        "image": spec.image,
        "command": list(spec.argv),
        "name": spec.name,
        "environment": dict(spec.environment),
        "working_dir": str(spec.directory),
        "user": spec.user,
        "labels": dict(spec.labels),
        "read_only": True,
        "tmpfs": {"/tmp": f"size={TMP_BYTES},mode=1777"},  # noqa: S108 - the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": spec.memory_bytes,
        "memswap_limit": spec.memory_bytes,
        "pids_limit": PIDS,
        "volumes": {
            **{str(path): {"bind": str(path), "mode": "ro"} for path in spec.readable},
            **{str(path): {"bind": str(path), "mode": "rw"} for path in spec.writable},
        },
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": LOG_BYTES, "max-file": "2"}),
    }


def pack(context: Mapping[str, bytes | Path]) -> IO[bytes]:
    """The files as a build context; without times and owners, so that the same files find the same layers.

    What is given as a path may be large, so a large context goes through a file that nobody else sees.
    """
    packed = tempfile.SpooledTemporaryFile(max_size=PACKED_BYTES)  # noqa: SIM115 - whoever reads it closes it
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in sorted(context.items()):
            entry = tarfile.TarInfo(name)
            entry.mode = 0o644
            entry.size = data.stat().st_size if isinstance(data, Path) else len(data)
            with data.open("rb") if isinstance(data, Path) else io.BytesIO(data) as stream:
                archive.addfile(entry, stream)
    packed.seek(0)
    return packed
