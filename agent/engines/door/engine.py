"""What is the same about sites whatever their data are: their names, their doors, their links.

Order of every change: the wanted state on disk first, then the bench is told.
"""

from abc import abstractmethod
from dataclasses import replace

from agent.engines.door import login_tokens, site_files
from agent.engines.door.benches import DoorBenches, Folder
from agent.engines.door.site_files import DoorState, SiteNote
from agent.engines.port import Site
from agent.errors import AgentError
from agent.host import files
from agent.host.locks import file_lock

LOGIN_PATH = "/-/login"
LOCK_SECONDS = 60.0


class DoorEngine(DoorBenches[Folder]):
    """One engine over all its benches, without what it does to data."""

    @abstractmethod
    def _measure(self, folder: Folder, site_id: str) -> int:
        """Bytes of all that the site keeps."""

    @abstractmethod
    def _require_user(self, folder: Folder, site_id: str, login: str) -> None:
        """Raise ``site_unknown`` unless somebody with the login can use the site."""

    def ensure_site_serving(self, bench_id: str, site_id: str, hostname: str) -> bool:
        """Map hostname to the site and load it; a suspended site stays suspended."""
        folder = self._bench_folder(bench_id)
        note = site_files.get(folder, site_id)
        hostname = hostname.lower()
        site_files.refuse_taken(folder, site_id, hostname)
        state = site_files.get_open_state(note)
        serving = replace(note, hostname=hostname, state=state, resumes_as=DoorState.ACTIVE)
        changed = site_files.write(folder, site_id, serving)
        control = self._control(folder)
        control.reload(site_id)
        control.load(site_id)
        return changed

    def ensure_site_closed(self, bench_id: str, site_id: str) -> bool:
        """Let nobody in while the site is changed, and wait until nothing works on its data; sessions stay.

        Raises ``site_busy`` when its own work does not end; it is closed then, and opens by ``ensure_site_serving``.
        """
        folder = self._bench_folder(bench_id)
        before = site_files.get(folder, site_id)
        closed = site_files.close(folder, site_id, before.hostname)
        self._control(folder).reload(site_id)
        self._wait_until_idle(folder, site_id)
        return closed != before

    def _wait_until_idle(self, folder: Folder, site_id: str) -> None:
        """Wait for whatever still works on the closed site's data; nothing by itself. Raises ``site_busy``."""

    def ensure_site_dropped(self, bench_id: str, site_id: str) -> bool:
        """Remove the site's data and its mapping. Unknown site: nothing to do.

        The bench closes the site and lets go of its data before anything is removed; until then the site is whole.
        """
        folder = self._bench_folder(bench_id)
        *traces, lock = folder.traces(site_id)
        if not folder.note.exists() or not any(path.exists() for path in (*traces, lock)):
            return False
        control = self._control(folder) if self._is_up(bench_id) else None
        note = site_files.find(folder, site_id)
        if note is not None:
            site_files.close(folder, site_id, note.hostname)
        if control is not None:
            control.reload(site_id)
            control.unload(site_id)
        with file_lock(lock, timeout_seconds=LOCK_SECONDS):
            self._drop_data(folder, site_id)
            for path in traces:
                files.remove_tree(path)
                files.remove_halves(path)
        if control is not None:
            control.reload(site_id)
        files.remove_tree(lock)
        return True

    def _drop_data(self, folder: Folder, site_id: str) -> None:
        """Remove what a site keeps elsewhere than in its traces; nothing by itself."""

    def find_site(self, bench_id: str, site_id: str) -> Site | None:
        folder = self._bench_folder(bench_id)
        note = site_files.find(folder, site_id)
        if note is None and not folder.data(site_id).exists():
            return None
        note = note or SiteNote(hostname="", state=DoorState.CLOSED)
        return Site(
            site_id=site_id,
            bench_id=bench_id,
            hostname=note.hostname,
            state=note.shown,
            opens_as=replace(note, state=site_files.get_open_state(note)).shown,
            size_bytes=self._measure_or_nothing(folder, site_id),
        )

    def _measure_or_nothing(self, folder: Folder, site_id: str) -> int:
        """One site that cannot be measured must not hide the others."""
        try:
            return self._measure(folder, site_id)
        except AgentError:
            return 0

    def list_sites(self, bench_id: str) -> list[Site]:
        names = site_files.list_ids(self._bench_folder(bench_id))
        return [site for name in names if (site := self.find_site(bench_id, name)) is not None]

    def is_site_standing(self, bench_id: str, site_id: str) -> bool:
        folder = self._bench_folder(bench_id)
        return folder.site(site_id).exists() and folder.data(site_id).exists()

    def ensure_login_token(
        self, bench_id: str, site_id: str, login: str, token: str, ttl_seconds: int
    ) -> str:
        """Let the token log ``login`` in once within the time. Returns the path to open (``/-/login``)."""
        folder = self._bench_folder(bench_id)
        site_files.get(folder, site_id)
        self._require_user(folder, site_id, login)
        login_tokens.announce(folder.tokens(site_id), login, token, ttl_seconds)
        return LOGIN_PATH

    def _close_new(self, folder: Folder, site_id: str, hostname: str) -> None:
        """Give a site that is being made a name that serves nothing yet."""
        if site_files.find(folder, site_id) is None:
            note = SiteNote(hostname=hostname.lower(), state=DoorState.CLOSED, resumes_as=DoorState.CLOSED)
            site_files.write(folder, site_id, note)
