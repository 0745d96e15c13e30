"""Sites of the fake engine changed as a whole: closed, other apps, another release, settings, silence."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from agent.engines.errors import SiteUnknown
from agent.engines.fake import site as sites
from agent.engines.fake.benches import FakeBenches
from agent.engines.fake.catalogue import check_apps, check_base, check_config
from agent.engines.fake.site import FakeSite
from agent.engines.port import ConfigValue, Progress


class FakeChanges(FakeBenches):
    """Between benches and the rest; every change has a moment before and one after."""

    def ensure_site_closed(self, bench_id: str, site_id: str) -> bool:
        def close(found: FakeSite) -> None:
            found.closed = True

        return self._change("ensure_site_closed", bench_id, site_id, close)

    def list_apps(self, bench_id: str, site_id: str) -> tuple[str, ...]:
        return check_apps(self._get_site(bench_id, site_id).apps)

    def ensure_apps(self, bench_id: str, site_id: str, apps: tuple[str, ...], progress: Progress) -> bool:
        """Install what is missing, then remove the others; ``halfway`` lies between."""
        wanted = check_apps(apps)
        check_base(wanted)
        self._moment("ensure_apps.before")
        with self._changing(bench_id, site_id) as found:
            before = list(found.apps)
            found.apps = list(check_apps({*before, *wanted}))
        self._moment("ensure_apps.halfway")
        with self._changing(bench_id, site_id) as found:
            found.apps = list(wanted)
        progress(f"{', '.join(before)} became {', '.join(wanted)}")
        self._moment("ensure_apps.after")
        return before != list(wanted)

    def ensure_site_migrated(self, bench_id: str, site_id: str, progress: Progress) -> bool:
        version = self._read(self._get_folder(bench_id))["version"]

        def migrate(found: FakeSite) -> None:
            if found.version != version:
                progress(f"from {found.version or 'nothing'} to {version}")
            found.version = version

        return self._change("ensure_site_migrated", bench_id, site_id, migrate)

    def find_config(self, bench_id: str, site_id: str) -> Mapping[str, ConfigValue]:
        return dict(self._get_site(bench_id, site_id).config)

    def ensure_config(self, bench_id: str, site_id: str, config: Mapping[str, ConfigValue]) -> bool:
        check_config(config)

        def configure(found: FakeSite) -> None:
            found.config = dict(config)

        return self._change("ensure_config", bench_id, site_id, configure)

    def ensure_site_muted(self, bench_id: str, site_id: str) -> bool:
        def mute(found: FakeSite) -> None:
            found.muted = True

        return self._change("ensure_site_muted", bench_id, site_id, mute)

    def _change(self, name: str, bench_id: str, site_id: str, change: Callable[[FakeSite], None]) -> bool:
        """Do one thing to a site. Returns whether it is another one now."""
        self._moment(f"{name}.before")
        before = self._get_site(bench_id, site_id)
        with self._changing(bench_id, site_id) as found:
            change(found)
        self._moment(f"{name}.after")
        return before != found

    @contextmanager
    def _changing(self, bench_id: str, site_id: str) -> Iterator[FakeSite]:
        with sites.changing(self._get_folder(bench_id), site_id) as found:
            if found is None:
                raise unknown(site_id)
            yield found

    def _get_site(self, bench_id: str, site_id: str) -> FakeSite:
        found = sites.find_site(self._get_folder(bench_id), site_id)
        if found is None:
            raise unknown(site_id)
        return found


def unknown(site_id: str) -> SiteUnknown:
    return SiteUnknown(
        f"Site {site_id} is not on this bench; nothing was touched. Create or restore it first."
    )
