"""What may go wrong with the Docker engine, told apart, and what it says in our words."""

from typing import ClassVar

import requests
from docker.errors import APIError

from agent.errors import AgentError
from agent.host.shell import TAIL_LINES

NO_ROOM = "no space left on device"


class DockerUnreachable(AgentError):
    """The engine does not answer."""

    code: ClassVar[str] = "executor_unreachable"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "The Docker engine does not answer"
    passes_in_seconds: ClassVar[float] = 90.0


class ImageMissing(AgentError):
    """The engine does not have the image."""

    code: ClassVar[str] = "image_missing"
    title: ClassVar[str] = "The image is not on this host"


class DockerDiskFull(AgentError):
    """The engine has no room left."""

    code: ClassVar[str] = "docker_disk_full"
    title: ClassVar[str] = "The Docker engine has no room left"


class BuildFailed(AgentError):
    """An image could not be made."""

    code: ClassVar[str] = "image_build_failed"
    title: ClassVar[str] = "The image could not be built"


class RegistryFailed(AgentError):
    """An image registry did not take or give an image."""

    code: ClassVar[str] = "registry_failed"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "The image registry failed"


class DockerRefused(AgentError):
    """The engine answered with an error that we know nothing better about."""

    code: ClassVar[str] = "docker_refused"
    title: ClassVar[str] = "The Docker engine refused"


def translate(error: APIError) -> AgentError:
    said = str(error.explanation or error)
    if NO_ROOM in said:
        return _disk_full(said)
    return DockerRefused(
        f"The Docker engine refused: {said}. No data of a site were touched; mend the cause, then repeat the job."
    )


def explain_build(tag: str, said: str, lines: list[str]) -> AgentError:
    if NO_ROOM in said:
        return _disk_full(said)
    tail = "\n".join(lines[-TAIL_LINES:])
    return BuildFailed(
        f"{tag} could not be built: {said.strip()}. Nothing that runs was touched; mend the cause, then repeat the job. "
        f"The last output:\n{tail}"
    )


def explain_registry(reference: str, said: str) -> AgentError:
    if NO_ROOM in said:
        return _disk_full(said)
    return RegistryFailed(
        f"{reference} could not be exchanged with its registry: {said.strip()}. What is built stays on this host and nothing that runs "
        "was touched; mend it (PRESS_AGENT_REGISTRY, docker login of the agent's user), then repeat the job."
    )


def _disk_full(said: str) -> DockerDiskFull:
    return DockerDiskFull(
        f"The Docker engine has no room left ({said}). No data of a site were touched; free some (`docker system df` "
        "says what takes it), then repeat the job."
    )


def is_timeout(error: requests.RequestException) -> bool:
    """Whether the library gave up waiting; it has two ways to say so."""
    return isinstance(error, requests.ReadTimeout) or "Read timed out" in str(error)
