"""Print the Python packages that the apps of a release ask for: ``requirements.py <folder of manifests>``.

Each app's ``pyproject.toml``, or where it has none its ``requirements.txt``. A package that an app asks for from a git
repository is taken from PyPI at the version beside it: no build of ours needs git, and what it installs can be mirrored.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

FROM_GIT = re.compile(r"^\s*(?P<name>[A-Za-z0-9._-]+)\s*@\s*git\+")
REPLACED = {"gunicorn": "gunicorn==23.0.0", "pypika": "PyPika==0.48.9"}


def list_requirements(app: Path) -> Iterator[str]:
    """What one app asks for. Exits for a git address that nothing is known for."""
    project = app / "pyproject.toml"
    if project.exists():
        asked = tomllib.loads(project.read_text("utf-8")).get("project", {}).get("dependencies", [])
    else:
        lines = (app / "requirements.txt").read_text("utf-8").splitlines()
        asked = [line for line in lines if line.strip() and not line.lstrip().startswith(("#", "-"))]
    for each in asked:
        match = FROM_GIT.match(each)
        if match is None:
            yield each
        elif match["name"].lower() in REPLACED:
            yield REPLACED[match["name"].lower()]
        else:
            raise SystemExit(
                f"{app.name} wants {each!r} from a git repository. Nothing was installed; "
                f"add its release on PyPI to REPLACED in {Path(__file__).name}."
            )


if __name__ == "__main__":
    for folder in sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir()):
        sys.stdout.writelines(f"{line}\n" for line in list_requirements(folder))
