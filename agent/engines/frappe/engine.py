"""The Frappe engine: one database per site, cloned from a template, served by the bench of its release."""

from dataclasses import replace
from pathlib import Path

import requests

from agent.config import Settings
from agent.engines.door import site_files
from agent.engines.door.benches import name_program
from agent.engines.door.engine import LOCK_SECONDS, DoorEngine
from agent.engines.door.site_files import DoorState
from agent.engines.errors import BackupUnreadable, SiteDataUnreadable, SiteNotHealthy
from agent.engines.frappe import identity, programs, restoring, site_config
from agent.engines.frappe.backups import BackupPrograms
from agent.engines.frappe.databases import Databases
from agent.engines.frappe.layout import DatabaseRecord, FrappeFolder
from agent.engines.frappe.releases import FrappeReleases, Release
from agent.engines.frappe.templates import Templates
from agent.engines.port import BenchSpec, Progress, SiteSpec, Source, Template, Usage
from agent.executors import remembered
from agent.executors.port import Executor, ProgramSpec
from agent.host import files
from agent.host.locks import file_lock
from agent.host.mariadb import MariaDB

PROBE_SECONDS = 30.0
PING = "/api/method/ping"


class FrappeEngine(DoorEngine[FrappeFolder]):
    """One engine over all its benches; the databases of all of them are on one server."""

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
        release = self._releases.get(bench.version, bench.sources)
        return self._templates.ensure(release, bench.app_sets, progress)

    # Sites
    def ensure_site_cloned(self, site: SiteSpec) -> bool:
        """Make the site's database from the template, under a name that serves nothing yet."""
        folder = self._bench_folder(site.bench_id)
        template = self._templates.get_database(self._get_release(folder), site.apps)
        if folder.data(site.site_id).exists():
            return False
        self._close_new(folder, site.site_id, site.hostname)
        prefix = _prefix(site.site_id)
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

    # Data
    def write_backup(self, bench_id: str, site_id: str, destination: Path) -> None:
        """Write database and files into one file, while the site serves."""
        folder = self._bench_folder(bench_id)
        record = folder.read_record(site_id)
        if record is None and site_files.find(folder, site_id) is None:
            raise site_files.unknown(site_id)
        if record is None or not self._databases.has_data(record):
            raise SiteDataUnreadable(
                "The site's database is missing or damaged. It was left as it is; restore the site from a backup."
            )
        # Its settings may have been damaged from inside; what they must say stands in the record.
        note = site_files.find(folder, site_id)
        self._tell(folder, site_id, record, note.state if note is not None else DoorState.CLOSED)
        self._backups(folder).write(folder, site_id, destination)

    def ensure_restored(self, bench_id: str, site_id: str, hostname: str, source: Path) -> bool:
        """Replace (or make) the site's data from a backup file, which is checked and loaded beside them first.

        A site that stood keeps its state; one that is made anew stays closed until it is told to serve.
        """
        folder = self._bench_folder(bench_id)
        hostname = hostname.lower()
        site_files.refuse_taken(folder, site_id, hostname)
        backups = self._backups(folder)
        manifest = backups.check(folder, site_id, source)
        before = folder.read_record(site_id)
        self._databases.drop_all(_prefix(site_id), but=before.database if before else "")
        key = manifest.get("encryption_key") or (before.key if before else "")
        record = self._databases.make(_prefix(site_id), key)
        work = restoring.make_work(folder, site_id, record, self._socket)
        backups.load(folder, site_id, source, work)
        if not self._databases.has_data(record):
            self._databases.drop_all(_prefix(site_id), but=before.database if before else "")
            raise BackupUnreadable(
                "The backup holds no database of a Frappe site. The site was not touched; take another backup."
            )
        self._databases.end_sessions(record)
        note = site_files.close(folder, site_id, hostname)
        control = self._control(folder)
        control.reload(site_id)
        with file_lock(folder.lock(site_id), timeout_seconds=LOCK_SECONDS):
            control.unload(site_id)
            files.remove_tree(folder.tokens(site_id))
            restoring.swap(folder, site_id, record, hostname=hostname, state=note.resumes_as)
        site_files.write(folder, site_id, replace(note, state=note.resumes_as))
        control.reload(site_id)
        self._databases.drop_all(_prefix(site_id), but=record.database)
        files.remove_tree(work)
        return True

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
            image=self._releases.get(bench.version, bench.sources).image,
            writable=folder.shared,
            readable=(*folder.told, self._socket.parent),
            ports=tuple(ports.values()),
        )

    def _drop_data(self, site_id: str) -> None:
        self._databases.drop_all(_prefix(site_id))

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
        return self._releases.get(known["version"], sources)

    def _backups(self, folder: FrappeFolder) -> BackupPrograms:
        # What runs, not what this agent would build today: the two differ after an update of the agent.
        runs = remembered.recall(folder.program)
        image = runs.image if runs is not None else self._get_release(folder).image
        return BackupPrograms(executor=self._executor, image=image, socket=self._socket)


def _prefix(site_id: str) -> str:
    """What the names of a site's databases begin with."""
    return f"s{site_id.replace('-', '')}"
