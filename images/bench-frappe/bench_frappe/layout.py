"""Where things stand in the image and in the bench's folder."""

from dataclasses import dataclass
from pathlib import Path

HOME = Path("/opt/bench")
PYTHON = HOME / "env/bin/python"
ASSETS = HOME / "sites/assets"
APPS_LIST = HOME / "sites/apps.txt"
RUN = Path("/tmp/bench")  # noqa: S108 - the container's own memory
WEB_SOCKET = RUN / "web.sock"
CACHE_PORT = 13000
QUEUE_PORT = 11000
REALTIME_PORT = 9000
ASKING_PORT = 8002
"""Where the realtime server asks who somebody is."""
PRINTING_PORT = 8003
"""Where ``bin/wkhtmltopdf`` fetches pictures and styles."""


@dataclass(frozen=True)
class BenchFolder:
    """The bench's folder on the host, at the same place inside."""

    path: Path

    @property
    def sites(self) -> Path:
        """Frappe's own: a folder a site, named by its id."""
        return self.path / "sites"

    @property
    def doors(self) -> Path:
        """The wanted state of each site, written by the agent."""
        return self.path / "doors"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def queue(self) -> Path:
        """What the queue of jobs keeps over a restart."""
        return self.path / "queue"
