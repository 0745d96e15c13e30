"""Write the OpenAPI documents of the three programs to docs/contracts, or check that they are current."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
FOLDER = ROOT / "docs" / "contracts"


def control_plane(folder: Path) -> dict[str, Any]:
    """The control plane's document."""
    from press_app.api.app import create_app
    from press_app.bootstrap import bootstrap
    from press_app.config import Settings

    settings = Settings(
        master_key=SecretStr("0" * 64),
        database_url=f"sqlite:///{folder}/press.db",
        agent_key_file=folder / "key.pem",
        edge_dynamic_file=folder / "dynamic" / "sites.yml",
    )
    return create_app(bootstrap(settings)).openapi()


def agent(folder: Path) -> dict[str, Any]:
    """The agent's document."""
    from agent.api.app import create_app
    from agent.bootstrap import bootstrap
    from agent.config import Settings

    settings = Settings(data_dir=folder / "agent", backup_store=f"folder:{folder}/backups")
    return create_app(bootstrap(settings), beside=False).openapi()


def billing_bridge(folder: Path) -> dict[str, Any]:
    """The bridge's document."""
    from billing_bridge.api.app import create_app
    from billing_bridge.bootstrap import bootstrap
    from billing_bridge.config import Settings

    settings = Settings(database_url=f"sqlite:///{folder}/bridge.db", lago_hmac_key=SecretStr("0" * 32))
    return create_app(bootstrap(settings)).openapi()


MAKERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "control-plane": control_plane,
    "agent": agent,
    "billing-bridge": billing_bridge,
}


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def main() -> int:
    """Export; with ``--check`` only compare, and end with 1 when a document is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    stale = []
    for name, make in MAKERS.items():
        with scratch() as folder:
            text = yaml.safe_dump(make(folder), sort_keys=False, allow_unicode=True, width=120)
        path = FOLDER / f"{name}.openapi.yaml"
        if is_check and (not path.exists() or path.read_text() != text):
            stale.append(str(path.relative_to(ROOT)))
        elif not is_check:
            path.write_text(text)
    if stale:
        print(f"stale: {', '.join(stale)}; run scripts/export_contracts.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
