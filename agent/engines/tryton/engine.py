"""The Tryton engine: one SQLite database per site, cloned from a template, served by the bench of its release."""

from pathlib import Path

import requests

from agent.engines.door import site_files
from agent.engines.door.benches import name_program
from agent.engines.door.engine import LOCK_SECONDS
from agent.engines.door.site_files import DoorState
from agent.engines.errors import SiteNotHealthy
from agent.engines.port import BenchSpec, Locale, Progress, SiteSpec, Template, Usage
from agent.engines.tryton import commands, database
from agent.engines.tryton.layout import TrytonFolder
from agent.engines.tryton.site_changes import TrytonChanges
from agent.engines.tryton.templates import TemplateMaker, get_template
from agent.executors.port import ProgramSpec
from agent.host import files
from agent.host.locks import file_lock

PROBE_SECONDS = 15.0
MAX_DATABASES = 500


class TrytonEngine(TrytonChanges):
    """One engine over all its benches. Order of every change: the wanted state on disk first, then the bench is told."""

    def ensure_release(self, bench: BenchSpec, progress: Progress) -> bool:
        """Install the release's programs on the host (own virtual environment, web client)."""
        return self._releases.ensure(bench, progress)

    def ensure_templates(self, bench: BenchSpec, progress: Progress) -> tuple[list[Template], bool]:
        """Make a ready template for each app set."""
        maker = TemplateMaker(
            release=self._releases.get(bench.version), executor=self._executor, progress=progress
        )
        return maker.ensure_all(bench.app_sets, bench.locale)

    def ensure_template(
        self, bench_id: str, apps: tuple[str, ...], locale: Locale, progress: Progress
    ) -> bool:
        """Make the template that a site with these apps and this home is cloned from; instant where it stands.

        Raises ``locale_unknown`` and ``app_unknown``.
        """
        release = self._get_release(self._bench_folder(bench_id))
        maker = TemplateMaker(release=release, executor=self._executor, progress=progress)
        return maker.ensure_one(apps, locale)

    def ensure_site_cloned(self, site: SiteSpec) -> bool:
        """Make the site's database from the template, under a name that serves nothing yet."""
        folder = self._bench_folder(site.bench_id)
        template = get_template(self._get_release(folder), site.apps, site.locale)
        target = folder.database(site.site_id)
        if target.exists():
            return False
        self._remove_side_files(folder, site.site_id)
        files.remove_halves(target)
        self._close_new(folder, site.site_id, site.hostname)
        files.copy_durably(template, target)
        return True

    def ensure_site_configured(self, site: SiteSpec) -> bool:
        """Set owner, e-mail, password and company in the clone."""
        folder = self._bench_folder(site.bench_id)
        site_files.get(folder, site.site_id)
        return database.configure(folder.database(site.site_id), site)

    def ensure_site_suspended(self, bench_id: str, site_id: str, reason: str) -> bool:
        """Close the site for its users and end their sessions; data stay."""
        folder = self._bench_folder(bench_id)
        changed = site_files.change(folder, site_id, state=DoorState.SUSPENDED, reason=reason)
        self._control(folder).reload(site_id)
        files.remove_tree(folder.tokens(site_id))
        with file_lock(folder.lock(site_id), timeout_seconds=LOCK_SECONDS):
            if folder.database(site_id).exists():
                database.end_sessions(folder.database(site_id))
        self._control(folder).unload(site_id)
        return changed

    def ensure_site_resumed(self, bench_id: str, site_id: str) -> bool:
        """Open the site again."""
        folder = self._bench_folder(bench_id)
        changed = site_files.change(folder, site_id, state=DoorState.ACTIVE, reason="")
        control = self._control(folder)
        control.reload(site_id)
        if database.has_data(folder.database(site_id)):
            control.load(site_id)
        return changed

    def ensure_admin_password(self, bench_id: str, site_id: str, login: str, password: str) -> bool:
        """Set the password of a user of the site; when it changes, sessions and open login links end."""
        folder = self._bench_folder(bench_id)
        site_files.get(folder, site_id)
        with file_lock(folder.lock(site_id), timeout_seconds=LOCK_SECONDS):
            changed = database.set_password(folder.database(site_id), login, password)
        if changed:
            files.remove_tree(folder.tokens(site_id))
            self._control(folder).unload(site_id)
        return changed

    def measure_usage(self, bench_id: str, site_id: str) -> Usage:
        folder = self._bench_folder(bench_id)
        site_files.get(folder, site_id)
        users = database.count_users(folder.database(site_id))
        return Usage(users=users, storage_bytes=self._measure(folder, site_id))

    def probe_site(self, bench_id: str, site_id: str, hostname: str) -> None:
        """Ask the bench for the site as a browser would. Raises ``site_not_healthy``."""
        folder = self._bench_folder(bench_id)
        url = f"http://127.0.0.1:{folder.read()['port']}/rpc/"
        call = {"id": 0, "method": "common.db.list", "params": []}
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(url, json=call, headers={"Host": hostname}, timeout=PROBE_SECONDS)
            said = answer.json().get("result") if answer.ok else f"status {answer.status_code}"
        except (requests.RequestException, ValueError) as error:
            said = type(error).__name__
        if said != [site_id] or not database.has_data(folder.database(site_id)):
            raise SiteNotHealthy(
                f"{hostname} does not lead to its database on the bench ({said}). Its data are untouched. "
                "Repeat the job; if it stays so, read the bench's log."
            )

    def write_backup(self, bench_id: str, site_id: str, destination: Path) -> None:
        """Write a consistent compressed copy of the site's database into one file, while it serves."""
        folder = self._bench_folder(bench_id)
        path = folder.database(site_id)
        if not path.exists() and site_files.find(folder, site_id) is None:
            raise site_files.unknown(site_id)
        database.write_backup(path, destination)

    def ensure_restored(self, bench_id: str, site_id: str, hostname: str, source: Path) -> bool:
        """Replace (or make) the site's data from a backup file, perhaps another site's.

        The site is closed afterwards; told to serve, one that was suspended stays so.
        """
        folder = self._bench_folder(bench_id)
        folder.read()
        hostname = hostname.lower()
        site_files.refuse_taken(folder, site_id, hostname)
        fresh = folder.restoring(site_id)
        database.unpack_backup(source, fresh)
        database.end_sessions(fresh)
        site_files.close(folder, site_id, hostname)
        control = self._control(folder)
        control.reload(site_id)
        with file_lock(folder.lock(site_id), timeout_seconds=LOCK_SECONDS):
            control.unload(site_id)
            files.remove_tree(folder.tokens(site_id))
            self._swap(folder, site_id, fresh)
        return True

    def _measure(self, folder: TrytonFolder, site_id: str) -> int:
        paths = (folder.database(site_id), *folder.side_files(site_id))
        return sum(path.stat().st_size for path in paths if path.exists())

    def _require_user(self, folder: TrytonFolder, site_id: str, login: str) -> None:
        with database.opened(folder.database(site_id)) as connection:
            database.get_user(connection, login)

    def _open_folder(self, path: Path) -> TrytonFolder:
        return TrytonFolder(path)

    def _make_program(self, folder: TrytonFolder, bench: BenchSpec, ports: dict[str, int]) -> ProgramSpec:
        release = self._releases.get(bench.version)
        serving = commands.Serving(
            venv_python=release.python,
            directory=folder.path,
            web_root=release.web_root,
            templates=release.templates,
            port=ports["port"],
            control_port=ports["control_port"],
            is_contained=bool(release.image),
            # What the limit counts (private memory, mapped or not) grows before what is resident does.
            memory_mb=bench.memory_bytes // 2 >> 20,
            max_databases=MAX_DATABASES,
            num_proxies=1,
        )
        return ProgramSpec(
            name=name_program(bench.bench_id),
            argv=commands.serve(serving),
            directory=folder.path,
            environment=release.environment,
            memory_bytes=bench.memory_bytes,
            image=release.image,
            writable=folder.shared,
            readable=(release.templates, *folder.told),
            ports=tuple(ports.values()),
        )
