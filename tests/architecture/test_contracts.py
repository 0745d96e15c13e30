"""The OpenAPI documents of the programs are what the programs serve."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_documents_are_current() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "export_contracts.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
