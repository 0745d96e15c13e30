"""The Frappe engine: what changes all of a site, its apps, its release, its settings, its data."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agent.engines.door import site_files
from agent.engines.door.engine import LOCK_SECONDS
from agent.engines.door.site_files import DoorState
from agent.engines.errors import AppNeeded, BackupUnreadable, SiteDataUnreadable
from agent.engines.frappe import config_keys, identity, restoring, site_config
from agent.engines.frappe.backups import BackupPrograms
from agent.engines.frappe.changes import ChangePrograms
from agent.engines.frappe.layout import FrappeFolder, SiteSettings
from agent.engines.frappe.releases import BASE_APP
from agent.engines.frappe.sites import FrappeSites, name_databases
from agent.engines.port import ConfigValue, Progress
from agent.host import files
from agent.host.locks import file_lock


class FrappeEngine(FrappeSites):
    """One engine over all its benches; the databases of all of them are on one server."""

    # What a site is made of
    def list_apps(self, bench_id: str, site_id: str) -> tuple[str, ...]:
        """The product apps that the site has, in the release's order."""
        folder = self._bench_folder(bench_id)
        return self._get_release(folder).name(self._list_installed(folder, site_id))

    def ensure_apps(self, bench_id: str, site_id: str, apps: tuple[str, ...], progress: Progress) -> bool:
        """Install what is missing of ``apps`` and all that it needs, remove the others with their data."""
        folder = self._bench_folder(bench_id)
        release = self._get_release(folder)
        installed = self._list_installed(folder, site_id)
        if BASE_APP in release.name(installed) and BASE_APP not in apps:
            raise AppNeeded(
                f"{BASE_APP} is what the site is, and cannot be removed. Nothing was changed; make another site without it."
            )
        wanted = release.expand(apps)
        if {*wanted} == {*installed[1:]}:
            return False
        try:
            self._changes(folder).change_apps(folder, site_id, wanted, progress)
        finally:
            self._control(folder).unload(site_id)
        return True

    def ensure_site_migrated(self, bench_id: str, site_id: str, progress: Progress) -> bool:
        """Bring the data to the code of the bench's release; instant where they fit."""
        folder = self._bench_folder(bench_id)
        code = self._get_release(folder).code
        with self._databases.opened(self._get_record(folder, site_id)) as cursor:
            if identity.find_code(cursor) == code:
                return False
        try:
            self._changes(folder).migrate(folder, site_id, code, progress)
        finally:
            self._control(folder).unload(site_id)
        return True

    def find_config(self, bench_id: str, site_id: str) -> Mapping[str, ConfigValue]:
        """The settings that ``ensure_config`` stored last."""
        return self._bench_folder(bench_id).read_settings(site_id).config

    def ensure_config(self, bench_id: str, site_id: str, config: Mapping[str, ConfigValue]) -> bool:
        """Let these settings, and no others that were set this way, count from the next request on."""
        folder = self._bench_folder(bench_id)
        if config:
            config_keys.check(config, self._list_installed(folder, site_id))
        settings = replace(folder.read_settings(site_id), config=dict(config))
        return self._set(folder, site_id, settings)

    def ensure_site_muted(self, bench_id: str, site_id: str) -> bool:
        """Let a copy send no mail, run no recurring job and call nobody, for good."""
        folder = self._bench_folder(bench_id)
        settings = folder.read_settings(site_id)
        if not settings.is_muted:
            with self._databases.opened(self._get_record(folder, site_id)) as cursor:
                identity.hang_up(cursor)
            self._control(folder).unload(site_id)
        return self._set(folder, site_id, replace(settings, is_muted=True))

    def _set(self, folder: FrappeFolder, site_id: str, settings: SiteSettings) -> bool:
        note = site_files.get(folder, site_id)
        return site_config.change(folder, site_id, self._get_record(folder, site_id), settings, note)

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

        The site is closed afterwards, until it is told to serve.
        """
        folder = self._bench_folder(bench_id)
        hostname = hostname.lower()
        site_files.refuse_taken(folder, site_id, hostname)
        backups = self._backups(folder)
        manifest = backups.check(folder, site_id, source)
        before = folder.read_record(site_id)
        prefix = name_databases(folder, site_id)
        self._databases.drop_all(prefix, but=before)
        key = manifest.get("encryption_key") or (before.key if before else "")
        record = self._databases.make(prefix, key)
        work = restoring.make_work(folder, site_id, record, self._socket)
        backups.load(folder, site_id, source, work)
        if not self._databases.has_data(record):
            self._databases.drop_all(prefix, but=before)
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
            restoring.swap(folder, site_id, record, hostname=hostname, state=note.state)
        self._databases.drop_all(prefix, also=before, but=record)
        files.remove_tree(work)
        return True

    def _list_installed(self, folder: FrappeFolder, site_id: str) -> tuple[str, ...]:
        """Frappe's names, its own first."""
        site_files.get(folder, site_id)
        with self._databases.opened(self._get_record(folder, site_id)) as cursor:
            return identity.list_installed(cursor)

    def _changes(self, folder: FrappeFolder) -> ChangePrograms:
        image = self._get_release(folder).image
        return ChangePrograms(executor=self._executor, image=image, socket=self._socket)

    def _backups(self, folder: FrappeFolder) -> BackupPrograms:
        image = self._get_release(folder).image
        return BackupPrograms(executor=self._executor, image=image, socket=self._socket)
