"""What is decided about a Tryton site without one: apps, settings, commands, and which release a bench is of."""

from pathlib import Path

import pytest

from agent.engines.errors import AppNeeded, AppUnknown, ConfigRefused
from agent.engines.port import ConfigValue, Locale
from agent.engines.tryton import apps, commands, site_config
from agent.engines.tryton.apps import MODULES
from agent.engines.tryton.release import Release, recall
from agent.executors.port import ProgramSpec

PYTHON = Path("/venv/bin/python")


class TestPlan:
    def test_installs_what_is_missing_and_removes_what_is_not_wanted(self) -> None:
        plan = apps.plan(("base", "hr"), (*MODULES["base"], *MODULES["crm"]))
        assert (plan.install, plan.remove) == (MODULES["hr"], MODULES["crm"])

    def test_leaves_single_modules_of_an_app_alone(self) -> None:
        plan = apps.plan(("base",), (*MODULES["base"], "marketing"))
        assert (plan.install, plan.remove) == ((), ())

    def test_completes_an_app_that_lost_a_module(self) -> None:
        plan = apps.plan(("base", "crm"), (*MODULES["base"], "marketing"))
        assert plan.install == ("sale_opportunity", "party_relationship")

    @pytest.mark.parametrize(
        ("wanted", "error"), [(("base", "games"), AppUnknown), (("crm",), AppNeeded), ((), AppNeeded)]
    )
    def test_refuses(self, wanted: tuple[str, ...], error: type[Exception]) -> None:
        with pytest.raises(error):
            apps.plan(wanted, MODULES["base"])

    def test_no_module_is_of_two_apps(self) -> None:
        modules = [module for parts in MODULES.values() for module in parts]
        assert len(set(modules)) == len(modules)


class TestSettings:
    @pytest.mark.parametrize(
        "config", [{}, {"session_idle_minutes": 1}, {"password_length": 128, "session_idle_minutes": 43_200}]
    )
    def test_takes(self, config: dict[str, ConfigValue]) -> None:
        site_config.check(config)

    @pytest.mark.parametrize(
        "config",
        [
            {"session_idle_minutes": 0},
            {"session_idle_minutes": 43_201},
            {"session_idle_minutes": "30"},
            {"password_length": 7},
            {"password_length": True},
            {"other": 1},
        ],
    )
    def test_refuses(self, config: dict[str, ConfigValue]) -> None:
        with pytest.raises(ConfigRefused, match="session_idle_minutes"):
            site_config.check(config)


class TestCommands:
    def test_a_home_is_asked_for_and_made_with_the_same_words(self) -> None:
        home = Locale(country="DE", currency="EUR", language="de", time_zone="Europe/Berlin")
        asked = commands.check_locale(PYTHON, home)
        assert asked[3:] == (
            *("--country", "DE", "--currency", "EUR"),
            *("--language", "de", "--time-zone", "Europe/Berlin"),
        )
        made = commands.localise_template(PYTHON, Path("/t/base.sqlite"), Path("/t/x/base.sqlite"), home)
        assert made == (*asked, "--source", "/t/base.sqlite", "--destination", "/t/x/base.sqlite")

    def test_a_change_names_only_what_it_changes(self) -> None:
        start = (str(PYTHON), "-m", "bench_tryton.change", "--database", "/w/site.sqlite")
        database = Path("/w/site.sqlite")
        change = commands.change_modules(PYTHON, database, install=("a", "b"), remove=("c",))
        assert change == (*start, "--install", "a,b", "--remove", "c")
        assert commands.change_modules(PYTHON, database, is_update=True) == (*start, "--update")


class TestRecall:
    def test_a_bench_is_of_the_release_that_it_runs(self) -> None:
        release = Release(
            python=PYTHON,
            web_root=Path("/web"),
            templates=Path("/templates-8.0.12-abc"),
            environment={"LANG": "C.UTF-8"},
            image="press/bench-tryton:8.0.12-abc",
        )
        serving = commands.Serving(
            venv_python=release.python,
            directory=Path("/bench"),
            web_root=release.web_root,
            templates=release.templates,
            port=1,
            control_port=2,
            is_contained=True,
            memory_mb=400,
            max_databases=500,
            num_proxies=1,
        )
        program = ProgramSpec(
            name="bench-1",
            argv=commands.serve(serving),
            directory=Path("/bench"),
            environment=release.environment,
            memory_bytes=1,
            image=release.image,
        )
        assert recall(program) == release
