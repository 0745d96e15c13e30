"""``python -m bench_door.health``, in the bench's folder: exit status 0 when the bench is ready."""

import json
import sys
import urllib.request
from pathlib import Path

SECONDS = 4


def is_ready(folder: Path) -> bool:
    """Ask the agent's door; a bench that does not answer is not ready."""
    try:
        door = json.loads((folder / "run" / "control.json").read_text("utf-8"))
        request = urllib.request.Request(
            f"http://127.0.0.1:{door['port']}/health", headers={"Authorization": f"Bearer {door['secret']}"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=SECONDS) as answer:
            return bool(json.load(answer)["ready"])
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    sys.exit(0 if is_ready(Path.cwd()) else 1)
