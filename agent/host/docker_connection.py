"""A connection to the Docker engine, made when the first thing is asked of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException

from agent.errors import AgentError
from agent.host.docker_errors import DockerUnreachable, translate

ENGINE_SECONDS = 60
SOCKET = "unix://"


class DockerConnection:
    """What both the images' and the containers' side ask through; threads may share it."""

    def __init__(self, url: str, *, seconds: float = ENGINE_SECONDS) -> None:
        self._url = url
        self._seconds = seconds
        self._client: Any = None

    def close(self) -> None:
        """Give up the connections; the next question makes new ones."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def ping(self) -> None:
        """Raises ``executor_unreachable`` when the engine does not answer."""
        with self.asking() as client:
            client.ping()

    @contextmanager
    def asking(self) -> Iterator[Any]:
        """The client; what it raises is told in our words."""
        try:
            if self._client is None:
                self._client = self._connect()
            yield self._client
        except AgentError:
            raise
        except APIError as error:
            raise translate(error) from error
        except (DockerException, requests.RequestException, FileNotFoundError) as error:
            raise DockerUnreachable(
                f"The Docker engine at {self._url} does not answer ({type(error).__name__}). What this step had begun may be half "
                "done, no data of a site were touched, and repeating it finishes it. Start the engine, then repeat the job."
            ) from error

    def _connect(self) -> Any:
        path = Path(self._url.removeprefix(SOCKET))
        if self._url.startswith(SOCKET) and not path.exists():
            # The library would leave a socket open for each try.
            raise FileNotFoundError(path)
        return docker.DockerClient(base_url=self._url, version="auto", timeout=self._seconds)
