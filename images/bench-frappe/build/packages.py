"""Put each app's ``package.json`` and ``yarn.lock`` where yarn installs: ``packages.py <folder of manifests> <folder of modules>``.

A package from a git repository is taken from the npm registry at the version beside it, as with Python's.
"""

import json
import re
import shutil
import sys
from pathlib import Path

REPLACED = {"air-datepicker": "2.2.3"}
FROM_GIT = ("github:", "git+", "git:", "git@")


def replace(package: Path, lock: Path) -> None:
    """Change both files in place. Exits for a git address that nothing is known for."""
    manifest = json.loads(package.read_text("utf-8"))
    wanted = manifest.get("dependencies", {})
    for name, address in wanted.items():
        if not address.startswith(FROM_GIT):
            continue
        if name not in REPLACED:
            raise SystemExit(
                f"{package.parent.name} wants {name} from {address!r}. Nothing was installed; "
                f"add its release on npm to REPLACED in {Path(__file__).name}."
            )
        wanted[name] = REPLACED[name]
        if lock.exists():
            block = re.compile(rf'^"?{re.escape(name)}@.*:\n(?:[ \t]+.*\n)+\n?', re.MULTILINE)
            lock.write_text(block.sub("", lock.read_text("utf-8")), "utf-8")
    package.write_text(json.dumps(manifest), "utf-8")


def main(manifests: Path, modules: Path) -> None:
    for app in sorted(path for path in manifests.iterdir() if (path / "package.json").exists()):
        target = modules / app.name
        target.mkdir(parents=True)
        for name in ("package.json", "yarn.lock"):
            if (app / name).exists():
                shutil.copyfile(app / name, target / name)
        replace(target / "package.json", target / "yarn.lock")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
