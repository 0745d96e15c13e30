"""Put together what browsers may read: ``python -m bench_tryton.web_root --client <tryton-sao> --to <folder>``.

The package brings 74 MB of build tools; at run time a page reads 5 MB of it. What stays keeps its licence files.
"""

import argparse
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

KEPT = ("index.html", "dist", "images", "sounds", "locale", "COPYRIGHT", "LICENSE", "CHANGELOG", "README.md")
VENDOR_FILE = re.compile(r'(?:src|href)="(node_modules/[^"]+)"')
FONTS = Path("node_modules/bootstrap/fonts")
BRANDING = Path(__file__).parent / "branding"
LICENCE_NAMES = re.compile(r"(?i)^(licen[cs]e|copying|notice)")


def assemble(client: Path, destination: Path) -> None:
    """Copy the client's files into ``destination``, which appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".web-") as folder:
        root = Path(folder) / "root"
        root.mkdir()
        for name in KEPT:
            source = client / name
            if source.is_dir():
                shutil.copytree(source, root / name)
            elif source.exists():
                shutil.copy2(source, root / name)
        for name in VENDOR_FILE.findall((client / "index.html").read_text()):
            _copy(client, root, Path(name))
        for font in sorted((client / FONTS).iterdir()):
            _copy(client, root, FONTS / font.name)
        shutil.copytree(BRANDING, root, dirs_exist_ok=True)
        if destination.exists():
            shutil.rmtree(destination)
        root.rename(destination)


def _copy(client: Path, root: Path, name: Path) -> None:
    """Copy a vendor's file and, beside its package, the licence it came with."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(client / name, root / name)
    package = Path(*name.parts[:2])
    for notice in (client / package).iterdir():
        if notice.is_file() and LICENCE_NAMES.match(notice.name):
            shutil.copy2(notice, root / package / notice.name)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_tryton.web_root", description=__doc__)
    parser.add_argument("--client", required=True, type=Path, help="the installed package tryton-sao")
    parser.add_argument("--to", required=True, type=Path)
    options = parser.parse_args(argv)
    assemble(options.client.resolve(), options.to.resolve())


if __name__ == "__main__":
    main()
