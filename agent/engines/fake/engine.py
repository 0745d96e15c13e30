"""The fake engine: sites as files of a bench; it can be told to fail or hang at any moment."""

import json
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import requests

from agent.engines.errors import (
    BackupUnreadable,
    SiteDataUnreadable,
    SiteNotHealthy,
    SiteUnknown,
)
from agent.engines.fake import bench as program
from agent.engines.fake import site as sites
from agent.engines.fake.catalogue import check_apps
from agent.engines.fake.changes import FakeChanges
from agent.engines.fake.site import FakeSite, digest
from agent.engines.port import (
    Site,
    SiteSpec,
    SiteState,
    Usage,
)
from agent.host import files


class FakeEngine(FakeChanges):
    """One engine over all its benches; see :class:`agent.engines.fake.benches.FakeBenches` for how trouble is asked for."""

    def ensure_site_cloned(self, site: SiteSpec) -> bool:
        self._moment("ensure_site_cloned.before")
        folder = self._get_folder(site.bench_id)
        if sites.find_site(folder, site.site_id) is not None:
            return False
        self._require_template(folder, site.apps, site.locale)
        made = FakeSite(
            site_id=site.site_id,
            apps=list(check_apps(site.apps)),
            locale=asdict(site.locale),
            version=self._read(folder)["version"],
        )
        files.make_directory(sites.site_file(folder, site.site_id).parent)
        sites.write_site(folder, made)
        self._moment("ensure_site_cloned.after")
        return True

    def ensure_site_configured(self, site: SiteSpec) -> bool:
        self._moment("ensure_site_configured.before")
        with self._changing(site.bench_id, site.site_id) as found:
            before = (found.company, dict(found.users))
            found.company = site.company
            if not site.keeps_password:
                found.users[site.admin_login] = digest(site.admin_password)
            changed = before != (found.company, found.users)
        self._moment("ensure_site_configured.after")
        return changed

    def ensure_site_serving(self, bench_id: str, site_id: str, hostname: str) -> bool:
        self._moment("ensure_site_serving.before")
        sites.refuse_taken(self._get_folder(bench_id), site_id, hostname)
        with self._changing(bench_id, site_id) as found:
            changed = found.hostname != hostname or found.closed
            found.hostname, found.closed = hostname, False
        self._moment("ensure_site_serving.after")
        return changed

    def ensure_site_dropped(self, bench_id: str, site_id: str) -> bool:
        self._moment("ensure_site_dropped.before")
        file = sites.site_file(self._folder / bench_id, site_id)
        dropped = files.remove_tree(file)
        self._moment("ensure_site_dropped.halfway")
        dropped |= files.remove_tree(file.parent)
        self._moment("ensure_site_dropped.after")
        return dropped

    def find_site(self, bench_id: str, site_id: str) -> Site | None:
        try:
            found = sites.find_site(self._folder / bench_id, site_id)
        except SiteDataUnreadable:
            found = FakeSite(site_id=site_id, state=SiteState.SUSPENDED)
        return None if found is None else self._describe(bench_id, found)

    def list_sites(self, bench_id: str) -> list[Site]:
        names = sites.list_ids(self._folder / bench_id)
        return [site for name in names if (site := self.find_site(bench_id, name)) is not None]

    def is_site_standing(self, bench_id: str, site_id: str) -> bool:
        return sites.site_file(self._folder / bench_id, site_id).exists()

    def ensure_site_suspended(self, bench_id: str, site_id: str, reason: str) -> bool:
        self._moment("ensure_site_suspended.before")
        try:
            changed = self._set_state(bench_id, site_id, SiteState.SUSPENDED, reason)
        except SiteDataUnreadable:
            changed = False  # It serves nobody as it is.
        self._moment("ensure_site_suspended.after")
        return changed

    def ensure_site_resumed(self, bench_id: str, site_id: str) -> bool:
        self._moment("ensure_site_resumed.before")
        changed = self._set_state(bench_id, site_id, SiteState.ACTIVE, "")
        self._moment("ensure_site_resumed.after")
        return changed

    def ensure_admin_password(self, bench_id: str, site_id: str, login: str, password: str) -> bool:
        with self._changing(bench_id, site_id) as found:
            changed = found.users.get(login) != digest(password)
            found.users[login] = digest(password)
            if changed:
                found.tokens.clear()
        return changed

    def ensure_login_token(
        self, bench_id: str, site_id: str, login: str, token: str, ttl_seconds: int
    ) -> str:
        with self._changing(bench_id, site_id) as found:
            if login not in found.users:
                raise SiteUnknown(f"Nobody called {login!r} is on the site; nothing was touched.")
            found.tokens.setdefault(digest(token), time.time() + ttl_seconds)
        return program.LOGIN_PATH

    def measure_usage(self, bench_id: str, site_id: str) -> Usage:
        found = self._get_site(bench_id, site_id)
        size = files.size_of(sites.site_file(self._folder / bench_id, site_id))
        return Usage(users=len(found.users), storage_bytes=size)

    def probe_site(self, bench_id: str, site_id: str, hostname: str) -> None:
        self._moment("probe_site.before")
        self._get_site(bench_id, site_id)
        url = f"http://127.0.0.1:{self._read(self._get_folder(bench_id))['port']}/"
        try:
            status: int | str = requests.get(url, headers={"Host": hostname}, timeout=10).status_code
        except requests.RequestException as error:
            status = type(error).__name__
        if status != requests.codes.ok:
            raise SiteNotHealthy(
                f"{hostname} answers {status} instead of 200 on its bench. Its data are untouched."
            )

    # Data
    def write_backup(self, bench_id: str, site_id: str, destination: Path) -> None:
        self._moment("write_backup.before")
        files.write_atomic(destination, json.dumps(asdict(self._get_site(bench_id, site_id))))
        self._moment("write_backup.after")

    def ensure_restored(self, bench_id: str, site_id: str, hostname: str, source: Path) -> bool:
        try:
            restored = FakeSite(**json.loads(source.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise BackupUnreadable(
                "The file is not a backup of a fake site. The site was not touched."
            ) from error
        self._moment("ensure_restored.before")
        folder = self._get_folder(bench_id)
        present: FakeSite | None = None
        with suppress(SiteDataUnreadable):
            present = sites.find_site(folder, site_id)
        _give_to(restored, site_id, hostname, present)
        files.make_directory(sites.site_file(folder, site_id).parent)
        sites.write_site(folder, restored)
        self._moment("ensure_restored.after")
        return present != restored

    def _set_state(self, bench_id: str, site_id: str, state: SiteState, reason: str) -> bool:
        with self._changing(bench_id, site_id) as found:
            changed = found.state != state or found.closed
            found.state, found.reason, found.closed = state.value, reason, False
            if state is SiteState.SUSPENDED:
                found.tokens.clear()
        return changed

    def _describe(self, bench_id: str, found: FakeSite) -> Site:
        return Site(
            site_id=found.site_id,
            bench_id=bench_id,
            hostname=found.hostname,
            state=SiteState.SUSPENDED if found.closed else SiteState(found.state),
            opens_as=SiteState(found.state),
            size_bytes=files.size_of(sites.site_file(self._folder / bench_id, found.site_id)),
        )


def _give_to(restored: FakeSite, site_id: str, hostname: str, present: FakeSite | None) -> None:
    """Make a site's own what was in a backup, perhaps another site's; the site is closed then.

    What it was stays, and so does its silence: they are the site's, not its data's.
    """
    restored.site_id, restored.hostname, restored.closed = site_id, hostname, True
    restored.tokens, restored.sent = {}, []
    restored.state = SiteState.ACTIVE.value if present is None else present.state
    restored.reason = "" if present is None else present.reason
    restored.muted = present is not None and present.muted
