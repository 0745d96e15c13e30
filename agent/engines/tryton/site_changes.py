"""What a Tryton site is made of: its apps, its release, its settings. Changed while nobody is let in."""

from collections.abc import Mapping
from pathlib import Path

from agent.config import Settings
from agent.engines.door import site_files
from agent.engines.door.benches import START_SECONDS
from agent.engines.door.control import PATIENCE_SECONDS
from agent.engines.door.engine import LOCK_SECONDS, DoorEngine
from agent.engines.errors import SiteBusy
from agent.engines.port import ConfigValue, Progress
from agent.engines.tryton import apps as apps_of
from agent.engines.tryton import changes, database, site_config
from agent.engines.tryton.layout import TrytonFolder
from agent.engines.tryton.release import Release, Releases, recall
from agent.engines.tryton.templates import find_made_for
from agent.executors import remembered
from agent.executors.port import Executor
from agent.host import files
from agent.host.locks import LockBusy, file_lock

IDLE_SECONDS = 60.0
"""For how long a request that began before the site was closed may go on; Tryton's own limit is the same."""


class TrytonChanges(DoorEngine[TrytonFolder]):
    """Between what all engines share and the engine."""

    name = "tryton"

    def __init__(
        self,
        settings: Settings,
        executor: Executor,
        releases: Releases,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        start_seconds: float = START_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        super().__init__(settings, executor, patience_seconds=patience_seconds, start_seconds=start_seconds)
        self._releases = releases
        self._idle_seconds = idle_seconds

    def list_apps(self, bench_id: str, site_id: str) -> tuple[str, ...]:
        """The product apps of which the site has all modules."""
        folder = self._bench_folder(bench_id)
        site_files.get(folder, site_id)
        return apps_of.list_complete(database.list_modules(folder.database(site_id)))

    def ensure_apps(self, bench_id: str, site_id: str, apps: tuple[str, ...], progress: Progress) -> bool:
        """Install what is missing of ``apps``, remove the other apps with their data; modules of the tenant's own choice stay.

        Raises ``app_unknown``, and ``app_needed`` for ``base`` and for what something of the tenant's needs.
        """
        folder = self._bench_folder(bench_id)
        site_files.get(folder, site_id)
        plan = apps_of.plan(apps, database.list_modules(folder.database(site_id)))
        if not plan.install and not plan.remove:
            return False
        progress(plan.describe())
        self._change_modules(folder, site_id, progress, install=plan.install, remove=plan.remove)
        return True

    def ensure_site_migrated(self, bench_id: str, site_id: str, progress: Progress) -> bool:
        """Update all modules when the data are of other versions than the bench's templates are."""
        folder = self._bench_folder(bench_id)
        site_files.get(folder, site_id)
        wanted = find_made_for(self._get_release(folder))
        if database.read_release(folder.database(site_id)) == wanted:
            return False
        progress("The data are of another release; all modules are updated")
        self._change_modules(folder, site_id, progress, is_update=True)
        return True

    def find_config(self, bench_id: str, site_id: str) -> Mapping[str, ConfigValue]:
        """The settings that ``ensure_config`` stored last."""
        return site_files.get(self._bench_folder(bench_id), site_id).config

    def ensure_config(self, bench_id: str, site_id: str, config: Mapping[str, ConfigValue]) -> bool:
        """Let these settings count for the site; see :mod:`agent.engines.tryton.site_config`. Raises ``config_refused``."""
        site_config.check(config)
        folder = self._bench_folder(bench_id)
        site_files.get(folder, site_id)
        changed = site_files.change(folder, site_id, config=dict(config))
        self._control(folder).reload(site_id)
        return changed

    def ensure_site_muted(self, bench_id: str, site_id: str) -> bool:
        """Let the bench send no mail for the site, and switch its recurring jobs off.

        No bench runs recurring jobs; they are switched off so that nobody's scheduler beside it does.
        """
        folder = self._bench_folder(bench_id)
        site_files.get(folder, site_id)
        changed = site_files.change(folder, site_id, muted=True)
        self._control(folder).reload(site_id)
        with file_lock(folder.lock(site_id), timeout_seconds=LOCK_SECONDS):
            return database.stop_jobs(folder.database(site_id)) or changed

    def _change_modules(
        self,
        folder: TrytonFolder,
        site_id: str,
        progress: Progress,
        *,
        install: tuple[str, ...] = (),
        remove: tuple[str, ...] = (),
        is_update: bool = False,
    ) -> None:
        """Let a program of the release change a copy, which then takes the database's place."""
        release = self._get_release(folder)
        with (
            file_lock(folder.lock(site_id), timeout_seconds=LOCK_SECONDS),
            changes.copied(folder, site_id) as copy,
        ):
            count = changes.run(
                release,
                self._executor,
                site_id,
                copy,
                install=install,
                remove=remove,
                is_update=is_update,
            )
            self._control(folder).unload(site_id)
            self._swap(folder, site_id, copy)
        progress(f"{count} modules are active")

    def _wait_until_idle(self, folder: TrytonFolder, site_id: str) -> None:
        """Whoever works on the database holds its lock."""
        try:
            with file_lock(folder.lock(site_id), timeout_seconds=self._idle_seconds):
                return
        except LockBusy as error:
            raise SiteBusy(
                f"A request of site {site_id} did not end within {self._idle_seconds:.0f} s; its data were not touched. Try again later."
            ) from error

    def _swap(self, folder: TrytonFolder, site_id: str, fresh: Path) -> None:
        """Put the new file in place of the old one; a crash leaves one of the two whole."""
        target = folder.database(site_id)
        if target.exists() and database.has_data(target):
            database.settle(target)
        self._remove_side_files(folder, site_id)
        fresh.replace(target)
        files.sync_directory(folder.databases)

    def _remove_side_files(self, folder: TrytonFolder, site_id: str) -> None:
        for path in folder.side_files(site_id):
            files.remove_tree(path)

    def _get_release(self, folder: TrytonFolder) -> Release:
        """What the bench runs; one that never ran will run what this agent brings."""
        version = folder.read()["version"]
        program = remembered.recall(folder.program)
        return self._releases.get(version) if program is None else recall(program)
