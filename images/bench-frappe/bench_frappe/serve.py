"""Run the bench: ``python -m bench_frappe.serve --directory … --listen 0.0.0.0:18100 --control … --database unix:///…``."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from bench_door.running import find_proxy

from .layout import RUN, BenchFolder
from .prepare import prepare_sites
from .programs import Serving, write_configuration


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench_frappe.serve", description=__doc__)
    parser.add_argument("--directory", required=True, type=Path, help="sites, doors, tokens, run, queue")
    parser.add_argument("--listen", required=True, help="address:port of the public door")
    parser.add_argument("--control", required=True, help="address:port of the agent's door")
    parser.add_argument("--database", required=True, help="unix:///path/of/socket or tcp://host:port")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--workers", type=int, default=1)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    options = parse(argv)
    folder = BenchFolder(options.directory.resolve())
    for made in (RUN, RUN / "empty"):
        made.mkdir(exist_ok=True)
    prepare_sites(folder.sites, options.database, folder.path.name)
    serving = Serving(
        folder=folder,
        listen=options.listen,
        control=options.control,
        gateway=find_proxy(options.listen),
        threads=options.threads,
        workers=options.workers,
        is_root=os.getuid() == 0,
    )
    write_configuration(serving, RUN)
    environment = {
        **os.environ,
        "FRAPPE_BENCH_ROOT": str(folder.path),
        "SITES_PATH": str(folder.sites),
    }
    command = ("/usr/bin/supervisord", "--configuration", str(RUN / "supervisord.conf"))
    os.execve(command[0], command, environment)  # noqa: S606 - takes this program's place


if __name__ == "__main__":
    main()
