"""Sites of Frappe: one database per site, cloned from a template, served by the bench of its release."""

import time
from dataclasses import replace
from pathlib import Path

import requests

from agent.config import Settings
from agent.engines.door import site_files
from agent.engines.door.benches import name_program
from agent.engines.door.engine import DoorEngine
from agent.engines.door.site_files import DoorState
from agent.engines.errors import SiteBusy, SiteNotHealthy
from agent.engines.frappe import identity, programs, restoring, site_config
from agent.engines.frappe.databases import Databases
from agent.engines.frappe.layout import DatabaseRecord, FrappeFolder
from agent.engines.frappe.releases import FrappeReleases, Release
from agent.engines.frappe.templates import Templates
from agent.engines.port import BenchSpec, DatabaseUse, Locale, Progress, SiteSpec, Source, Template, Usage
from agent.executors import remembered
from agent.executors.port import Executor, ProgramSpec
from agent.host import files
from agent.host.mariadb import MariaDB

PROBE_SECONDS = 30.0
IDLE_SECONDS = 300.0
IDLE_POLL_SECONDS = 0.2
PING = "/api/method/ping"


class FrappeSites(DoorEngine[FrappeFolder]):
    """Sites that are made, opened, closed, looked at; what changes all of one is in :mod:`agent.engines.frappe.engine`."""

    name = "frappe"

    def __init__(
        self, settings: Settings, executor: Executor, releases: FrappeReleases, server: MariaDB
    ) -> None:
        super().__init__(settings, executor)
        self._releases = releases
        self._databases = Databases(server)
        self._templates = Templates(self._databases, executor)
        self._socket = server.socket

    # Benches
    def ensure_release(self, bench: BenchSpec, progress: Progress) -> bool:
        """Fetch the apps' code and build the image."""
        return self._releases.ensure(bench, progress)

    def ensure_templates(self, bench: BenchSpec, progress: Progress) -> tuple[list[Template], bool]:
        """Make a ready template for each app set."""
        release = self._releases.get(bench.version, bench.sources, bench.base)
        made = [self._templates.ensure(release, apps, bench.locale, progress) for apps in bench.app_sets]
        used = {
            self._get_release(self._open_folder(path.parent)).code
            for path in self._folder.glob("*/bench.json")
        }
        for code in self._templates.prune(self._releases.folder, {*used, release.code}):
            progress(
                f"The templates of {code} were removed: no bench runs that code, and there are newer ones"
            )
        return [template for template, _ in made], any(is_new for _, is_new in made)

    # Sites
    def ensure_template(
        self, bench_id: str, apps: tuple[str, ...], locale: Locale, progress: Progress
    ) -> bool:
        """Make the template that a site with these apps and this home is cloned from; instant where it stands."""
        release = self._get_release(self._bench_folder(bench_id))
        if self._templates.stands(release, apps, locale):
            return False
        files.make_directory(release.templates)
        _, is_new = self._templates.ensure(release, apps, locale, progress)
        return is_new

    def ensure_site_cloned(self, site: SiteSpec) -> bool:
        """Make the site's database from the template, under a name that serves nothing yet."""
        folder = self._bench_folder(site.bench_id)
        template = self._templates.get_database(self._get_release(folder), site.apps, site.locale)
        if folder.data(site.site_id).exists():
            return False
        self._close_new(folder, site.site_id, site.hostname)
        prefix = name_databases(folder, site.site_id)
        self._databases.drop_all(prefix)
        record = self._databases.make(prefix)
        self._databases.copy(template, record.database)
        self._databases.calm(record)
        site_config.make_folders(folder, site.site_id)
        site_config.write(folder, site.site_id, record, hostname=site.hostname, state=DoorState.CLOSED)
        restoring.write_record(folder, site.site_id, record)
        return True

    def ensure_site_configured(self, site: SiteSpec) -> bool:
        """Set owner, e-mail, password and company in the clone."""
        folder = self._bench_folder(site.bench_id)
        with self._databases.opened(self._get_record(folder, site.site_id)) as cursor:
            return identity.adopt(cursor, site)

    def ensure_site_serving(self, bench_id: str, site_id: str, hostname: str) -> bool:
        """Map hostname to the site and load it; a suspended site stays suspended."""
        folder = self._bench_folder(bench_id)
        state = site_files.get_open_state(site_files.get(folder, site_id))
        site_files.refuse_taken(folder, site_id, hostname.lower())
        record = self._get_record(folder, site_id)
        is_told = site_config.write(folder, site_id, record, hostname=hostname.lower(), state=state)
        return super().ensure_site_serving(bench_id, site_id, hostname) or is_told

    def ensure_site_suspended(self, bench_id: str, site_id: str, reason: str) -> bool:
        """Close the site for its users and end their sessions; its scheduler rests, its data stay."""
        folder = self._bench_folder(bench_id)
        changed = site_files.change(folder, site_id, state=DoorState.SUSPENDED, reason=reason)
        control = self._control(folder)
        control.reload(site_id)
        files.remove_tree(folder.tokens(site_id))
        record = folder.read_record(site_id)
        if record is not None:
            self._tell(folder, site_id, record, DoorState.SUSPENDED)
            self._databases.end_sessions(record)
        control.unload(site_id)
        return changed

    def ensure_site_resumed(self, bench_id: str, site_id: str) -> bool:
        """Open the site again."""
        folder = self._bench_folder(bench_id)
        changed = site_files.change(folder, site_id, state=DoorState.ACTIVE, reason="")
        record = folder.read_record(site_id)
        if record is not None:
            self._tell(folder, site_id, record, DoorState.ACTIVE)
        control = self._control(folder)
        control.reload(site_id)
        if record is not None and self._databases.has_data(record):
            control.load(site_id)
        return changed

    def _wait_until_idle(self, folder: FrappeFolder, site_id: str) -> None:
        """Its scheduler rests; what it has begun is finished by its workers, which still can reach its data."""
        record = folder.read_record(site_id)
        if record is not None:
            self._tell(folder, site_id, record, DoorState.CLOSED)
        control = self._control(folder)
        deadline = time.monotonic() + IDLE_SECONDS
        while not control.is_idle(site_id):
            if time.monotonic() >= deadline:
                raise SiteBusy(
                    f"Jobs of the site did not end within {IDLE_SECONDS:.0f} s. Nothing was changed; repeat it at a quieter time."
                )
            time.sleep(IDLE_POLL_SECONDS)

    def ensure_admin_password(self, bench_id: str, site_id: str, login: str, password: str) -> bool:
        """Set the password of a user of the site; when it changes, sessions and open login links end."""
        folder = self._bench_folder(bench_id)
        site_files.get(folder, site_id)
        with self._databases.opened(self._get_record(folder, site_id)) as cursor:
            changed = identity.set_password(cursor, identity.find_user(cursor, login), password)
        if changed:
            files.remove_tree(folder.tokens(site_id))
            self._control(folder).unload(site_id)
        return changed

    def measure_usage(self, bench_id: str, site_id: str) -> Usage:
        folder = self._bench_folder(bench_id)
        site_files.get(folder, site_id)
        with self._databases.opened(self._get_record(folder, site_id)) as cursor:
            users = identity.count_users(cursor)
        return Usage(users=users, storage_bytes=self._measure(folder, site_id))

    def measure_database(self, bench_id: str, site_id: str) -> DatabaseUse | None:
        """What the server has counted for the site's user."""
        folder = self._bench_folder(bench_id)
        site_files.get(folder, site_id)
        return self._databases.measure_use(self._get_record(folder, site_id))

    def probe_site(self, bench_id: str, site_id: str, hostname: str) -> None:
        """Ask the bench for the site as a browser would. Raises ``site_not_healthy``."""
        folder = self._bench_folder(bench_id)
        url = f"http://127.0.0.1:{folder.read()['port']}{PING}"
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(url, headers={"Host": hostname}, timeout=PROBE_SECONDS)
            said = answer.json().get("message") if answer.ok else f"status {answer.status_code}"
        except (requests.RequestException, ValueError) as error:
            said = type(error).__name__
        record = folder.read_record(site_id)
        if said != "pong" or record is None or not self._databases.has_data(record):
            raise SiteNotHealthy(
                f"{hostname} does not lead to its database on the bench ({said}). Its data are untouched. "
                "Repeat the job; if it stays so, read the bench's log."
            )

    # Hooks
    def _open_folder(self, path: Path) -> FrappeFolder:
        return FrappeFolder(path)

    def _make_program(self, folder: FrappeFolder, bench: BenchSpec, ports: dict[str, int]) -> ProgramSpec:
        return ProgramSpec(
            name=name_program(bench.bench_id),
            argv=programs.serve(folder.path, ports["port"], ports["control_port"], self._socket),
            directory=folder.path,
            environment=programs.environment(folder.path),
            memory_bytes=bench.memory_bytes,
            stop_seconds=programs.DRAIN_SECONDS,
            image=self._releases.get(bench.version, bench.sources, bench.base).image,
            writable=folder.shared,
            readable=(*folder.told, self._socket.parent),
            ports=tuple(ports.values()),
        )

    def _drop_data(self, folder: FrappeFolder, site_id: str) -> None:
        self._databases.drop_all(name_databases(folder, site_id), also=folder.read_record(site_id))

    def _measure(self, folder: FrappeFolder, site_id: str) -> int:
        record = folder.read_record(site_id)
        kept = files.size_of(folder.frappe_site(site_id))
        return kept + (0 if record is None else self._databases.measure(record))

    def _require_user(self, folder: FrappeFolder, site_id: str, login: str) -> None:
        with self._databases.opened(self._get_record(folder, site_id)) as cursor:
            identity.find_user(cursor, login)

    def _tell(self, folder: FrappeFolder, site_id: str, record: DatabaseRecord, state: DoorState) -> None:
        note = site_files.find(folder, site_id)
        if note is not None:
            site_config.write(folder, site_id, record, hostname=note.hostname, state=state)

    def _get_record(self, folder: FrappeFolder, site_id: str) -> DatabaseRecord:
        record = folder.read_record(site_id)
        if record is None:
            raise site_files.unknown(site_id)
        return record

    def _get_release(self, folder: FrappeFolder) -> Release:
        known = folder.read()
        sources = tuple(Source(**source) for source in known["sources"])
        # A bench of before has no base in its note.
        release = self._releases.get(known["version"], sources, known.get("base", ""))
        # What runs, not what this agent would build today: the two differ after an update of the agent.
        runs = remembered.recall(folder.program)
        return release if runs is None else replace(release, image=runs.image)


def name_databases(folder: FrappeFolder, site_id: str) -> str:
    """What the names of a site's databases on a bench begin with: while it moves it has data on two."""
    return f"s{site_id.replace('-', '')}b{folder.path.name.replace('-', '')[:12]}"
