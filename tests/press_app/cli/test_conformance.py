"""``press conformance`` runs the agent's own suite and prints engine × operation."""

import json
from pathlib import Path

from typer.testing import CliRunner

from press_app.cli.main import app


def test_tries_every_operation_of_an_engine(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "agent.env").write_text(
        f"PRESS_AGENT_DATA_DIR={tmp_path}/agent\nPRESS_AGENT_BACKUP_STORE=folder:{tmp_path}/backups\n"
    )
    done = CliRunner().invoke(app, ["--state", str(tmp_path), "conformance", "--engine", "fake", "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["ok"]
    assert set(report["engines"]["fake"]) >= {
        "create_site",
        "archive_site",
        "restore_site",
        "create_login_link",
        "change_apps",
        "rename_site",
        "set_config",
        "move_site",
    }
    assert report["not_tried"] == {}
    assert all(check["ok"] for check in report["checks"])


def test_an_engine_that_does_not_exist_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--state", str(tmp_path), "conformance", "--engine", "nonsense"])
    assert done.exit_code != 0
