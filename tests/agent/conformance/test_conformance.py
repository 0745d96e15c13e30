"""Every engine keeps every promise: the shipped suite, run over the engines of this project."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest

from agent.bootstrap import engine_factories, make_executor, make_mariadb_server, make_probe
from agent.config import Settings
from agent.conformance.checks import CHECKS
from agent.conformance.suite import CheckResult, Suite, check_name
from agent.engines.fake.probe import FakeProbe
from agent.engines.port import ConfigValue, Source
from tests.agent.support import ROOT, benches, free_port
from tests.factories.docker_engine import docker_engine
from tests.factories.frappe import BUNDLE, frappe_source

NAMES = [check_name(check) for _, check in CHECKS]


def run_suite(settings: Settings, sources: tuple[Source, ...] = ()) -> dict[str, CheckResult]:
    with benches(settings.data_dir) if settings.executor == "process" else nullcontext():
        engine = engine_factories(settings, make_executor(settings))[settings.engines]()
        results = Suite(engine, make_probe(settings.engines, sources), settings.data_dir / "suite").run(
            CHECKS
        )
    return {result.check: result for result in results}


def judge(result: CheckResult, *, may_be_left_out: bool = False) -> None:
    """A promise is kept; what this release cannot be asked is said, where that may be."""
    if result.not_tried and may_be_left_out:
        pytest.skip(result.not_tried)
    assert (result.not_tried, result.message) == ("", "")
    assert result.ok


@pytest.fixture(scope="module")
def fake_results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CheckResult]:
    folder = tmp_path_factory.mktemp("fake")
    return run_suite(Settings(data_dir=folder, engines="fake", bench_port_start=free_port()))


@pytest.fixture(scope="module")
def tryton_results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CheckResult]:
    if not (ROOT / "images" / "bench-tryton" / "requirements.txt").exists():
        pytest.skip("images/bench-tryton is not here")
    folder = tmp_path_factory.mktemp("tryton")
    cache = ROOT / "var" / "test-cache" / "bench-tryton"
    cache.mkdir(parents=True, exist_ok=True)
    (folder / "releases").symlink_to(cache)
    settings = Settings(
        data_dir=folder, engines="tryton", images_dir=ROOT / "images", bench_port_start=free_port()
    )
    return run_suite(settings)


@pytest.fixture(scope="module")
def contained_results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, CheckResult]]:
    folder = tmp_path_factory.mktemp("contained")
    with docker_engine() as engine:
        yield run_suite(
            Settings(
                data_dir=folder,
                engines="tryton",
                executor="docker",
                docker_url=engine.url,
                images_dir=ROOT / "images",
                extra_ca=BUNDLE if BUNDLE.exists() else None,
                bench_port_start=free_port(),
            )
        )


@pytest.fixture(scope="module")
def frappe_results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, CheckResult]]:
    sources = (frappe_source(),)
    folder = tmp_path_factory.mktemp("frappe")
    with docker_engine() as engine:
        settings = Settings(
            data_dir=folder,
            engines="frappe",
            executor="docker",
            docker_url=engine.url,
            images_dir=ROOT / "images",
            extra_ca=BUNDLE if BUNDLE.exists() else None,
            bench_port_start=free_port(),
        )
        with make_mariadb_server(settings).serving():
            yield run_suite(settings, sources)


class TestFake:
    @pytest.mark.parametrize("check", NAMES)
    def test_keeps_its_promise(self, fake_results: dict[str, CheckResult], check: str) -> None:
        judge(fake_results[check])


@pytest.mark.tryton
@pytest.mark.timeout(600)
class TestTryton:
    @pytest.mark.parametrize("check", NAMES)
    def test_keeps_its_promise(self, tryton_results: dict[str, CheckResult], check: str) -> None:
        judge(tryton_results[check])


@pytest.mark.docker
@pytest.mark.timeout(1800)
class TestTrytonInDocker:
    @pytest.mark.parametrize("check", NAMES)
    def test_keeps_its_promise(self, contained_results: dict[str, CheckResult], check: str) -> None:
        judge(contained_results[check])


@pytest.mark.frappe
@pytest.mark.docker
@pytest.mark.timeout(3600)
class TestFrappe:
    @pytest.mark.parametrize("check", NAMES)
    def test_keeps_its_promise(self, frappe_results: dict[str, CheckResult], check: str) -> None:
        judge(frappe_results[check], may_be_left_out=True)


class Bare(FakeProbe):
    """A person at a fake site of a release without other apps and settings."""

    extra_app = None
    config: Mapping[str, ConfigValue] = {}


class TestSuite:
    def test_says_why_it_did_not_try_what_a_release_lacks(self, tmp_path: Path) -> None:
        settings = Settings(data_dir=tmp_path, engines="fake", bench_port_start=free_port())
        with benches(tmp_path):
            engine = engine_factories(settings, make_executor(settings))["fake"]()
            results = Suite(engine, Bare(), tmp_path / "suite").run(CHECKS)
        assert all(result.ok for result in results)
        assert {result.check: result.not_tried for result in results if result.not_tried} == {
            "an app is installed and works": "the release has no app beside those of the first site",
            "an app is removed and gone": "the release has no app beside those of the first site",
            "a setting counts for its site alone": "sites of this engine have no settings",
        }

    def test_leaves_nothing_behind(self, tmp_path: Path) -> None:
        settings = Settings(data_dir=tmp_path, engines="fake", bench_port_start=free_port())
        with benches(tmp_path):
            engine = engine_factories(settings, make_executor(settings))["fake"]()
            Suite(engine, FakeProbe(), tmp_path / "suite").run(CHECKS)
            assert engine.list_benches() == []

    def test_names_are_unique(self) -> None:
        assert len(set(NAMES)) == len(NAMES)
