"""Make a bench of the apps' code: ``assemble.py <bench> <folder of modules>``.

Frappe's own tool wants git, a network and a bench of its own layout; what it does for us is these few links and one build.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def main(bench: Path, modules: Path) -> None:
    apps = [app["app"] for app in json.loads((bench / "apps.json").read_text("utf-8"))]
    assets = bench / "sites" / "assets"
    assets.mkdir(parents=True)
    (bench / "sites" / "apps.txt").write_text("\n".join(apps) + "\n", "utf-8")
    (bench / "sites" / "common_site_config.json").write_text("{}\n", "utf-8")
    packages = next((bench / "env" / "lib").glob("python3*")) / "site-packages"
    (packages / "apps.pth").write_text("".join(f"{bench / 'apps' / app}\n" for app in apps), "utf-8")
    installed = [app for app in apps if (modules / app / "node_modules").is_dir()]
    for app in installed:
        (bench / "apps" / app / "node_modules").symlink_to(modules / app / "node_modules")
    for app in apps:
        public = bench / "apps" / app / app / "public"
        if public.is_dir():
            # Before the build: without the link it makes a folder there that has the bundles only.
            (assets / app).symlink_to(public)
        docs = bench / "apps" / app / app / "docs"
        if docs.is_dir():
            (assets / f"{app}_docs").symlink_to(docs)
    subprocess.run(
        ["/usr/bin/node", "esbuild", "--production", "--apps", ",".join(apps), "--run-build-command"],
        cwd=bench / "apps" / "frappe",
        env={**os.environ, "FRAPPE_BENCH_ROOT": str(bench), "CI": "1"},
        check=True,
    )
    for app in installed:
        (bench / "apps" / app / "node_modules").unlink()
    # The desk fetches its code editor and the like from there.
    (bench / "apps" / "frappe" / "frappe" / "public" / "node_modules").symlink_to("../../node_modules")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
