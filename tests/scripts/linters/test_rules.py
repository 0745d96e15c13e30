"""Each rule finds what it forbids and leaves alone what it allows."""

from collections.abc import Callable, Iterator

import pytest

from scripts.linters import (
    environment,
    foreign_keys,
    layout,
    loose_ends,
    modules,
    patches,
    places,
    size,
    status_writes,
)
from scripts.linters.source import Finding, Project, Source

Rule = Callable[[Project], Iterator[Finding]]
SERVICE = "press_app/sites/service.py"
CONFIG: dict[str, object] = {
    "tool": {
        "importlinter": {
            "contracts": [
                {"id": "control-plane", "layers": ["sites", "benches", "work | agents", "kit"]},
                {"id": "slice", "containers": ["press_app.sites", "press_app.benches"]},
            ]
        }
    }
}


def make_project(files: dict[str, str]) -> Project:
    return Project(sources=tuple(Source(path, text) for path, text in files.items()), config=CONFIG)


def list_lines(rule: Rule, text: str, path: str = SERVICE) -> list[int]:
    """Lines of one file that the rule reports."""
    return [finding.line for finding in rule(make_project({path: text}))]


def make_function(lines: int) -> str:
    """A function of exactly that many lines."""
    return "def work():\n" + "    x = 1\n" * (lines - 1)


class TestSize:
    @pytest.mark.parametrize(
        ("path", "lines", "found"),
        [
            (SERVICE, 300, False),
            (SERVICE, 301, True),
            ("tests/agent/test_x.py", 500, False),
            ("tests/agent/test_x.py", 501, True),
            ("press_app/migrations/versions/0001_first.py", 900, False),
        ],
    )
    def test_a_module_has_a_budget(self, path: str, lines: int, found: bool) -> None:
        assert bool(list_lines(size.check, "x = 1\n" * lines, path)) is found

    @pytest.mark.parametrize(("lines", "found"), [(41, []), (42, [1])])
    def test_a_function_has_a_budget(self, lines: int, found: list[int]) -> None:
        assert list_lines(size.check, make_function(lines)) == found

    def test_an_exemption_can_name_the_function(self) -> None:
        (finding,) = size.check(make_project({SERVICE: make_function(60)}))
        assert finding.subject == f"{SERVICE}::work"


class TestStatusWrites:
    @pytest.mark.parametrize(
        "text",
        [
            "site.status = SiteStatus.ACTIVE",
            "a, site.status = 1, 2",
            "site.status += 1",
            "site.target_status: str = 'active'",
            "setattr(site, 'status', 'active')",
            "session.execute(update(Site).where(Site.id == 1).values(status='active'))",
            "session.execute(sa.update(Site).values(status='active'))",
        ],
    )
    def test_a_status_is_not_assigned(self, text: str) -> None:
        assert list_lines(status_writes.check, text) == [1]

    @pytest.mark.parametrize(
        "text",
        [
            "now = site.status",
            "status = 'active'",
            "site.status_text = 'runs'",
            "session.execute(insert(Site).values(status='reserved'))",
            "class E:\n    def __init__(self, status):\n        self.status = status",
        ],
    )
    def test_reading_and_first_values_are_allowed(self, text: str) -> None:
        assert list_lines(status_writes.check, text) == []

    def test_the_lifecycle_itself_writes_it(self) -> None:
        assert list_lines(status_writes.check, "site.status = new", "press_app/kit/lifecycle.py") == []

    def test_a_row_without_a_lifecycle_may_be_updated_in_bulk(self) -> None:
        text = "update(TaskRow).values(status='done')"
        assert list_lines(status_writes.check, text, "press_app/work/runner.py") == []


class TestEnvironment:
    @pytest.mark.parametrize("text", ["os.environ['A']", "os.getenv('A')", "from os import environ"])
    def test_the_environment_is_read_in_config_only(self, text: str) -> None:
        assert list_lines(environment.check, text) == [1]
        assert list_lines(environment.check, text, "agent/config.py") == []

    def test_other_uses_of_os_are_allowed(self) -> None:
        assert list_lines(environment.check, "os.fsync(1)\nself.environ = 1") == []


class TestLooseEnds:
    @pytest.mark.parametrize(
        "text",
        [
            "# TO" + "DO: later",
            "# FIX" + "ME(soon)",
            "raise NotImplemented" + "Error",
            "x = 1  # pragma: no " + "cover",
            "x = 1  # type: " + "ignore",
            "x = 1  # no" + "qa",
        ],
    )
    def test_a_loose_end_is_found(self, text: str) -> None:
        assert list_lines(loose_ends.check, "ok = 1\n" + text) == [2]

    @pytest.mark.parametrize(
        "text",
        [
            "# TO" + "DO(#12): later",
            "x = 1  # type: " + "ignore[arg-type]",
            "x = 1  # no" + "qa: S101",
            "todo = []",
        ],
    )
    def test_what_names_its_reason_is_allowed(self, text: str) -> None:
        assert list_lines(loose_ends.check, text) == []


class TestPatches:
    TESTS = "def test_a(): pass\n" * 19

    @pytest.mark.parametrize(
        "text",
        [
            "with patch('a.b'): pass",
            "with mock.patch('a.b'): pass",
            "with unittest.mock.patch.object(a, 'b'): pass",
            "monkeypatch.setattr(a, 'b', 1)",
            "mocker.patch('a.b')",
        ],
    )
    def test_one_in_ten_tests_is_the_limit(self, text: str) -> None:
        assert list_lines(patches.check, self.TESTS + text, "tests/test_x.py") == []
        assert list_lines(patches.check, f"{self.TESTS}{text}\n{text}", "tests/test_x.py") == [20, 21]

    def test_the_environment_may_be_set_for_a_test(self) -> None:
        text = "def test_a(monkeypatch): monkeypatch.setenv('A', 'b')\nclient.patch('/v1/sites')"
        assert list_lines(patches.check, text, "tests/test_x.py") == []


class TestLayout:
    @pytest.mark.parametrize(
        "path", ["press_app/sites/manager.py", "press_app/sites/sub/service.py", "press_app/sites/notes.txt"]
    )
    def test_a_slice_has_a_closed_vocabulary(self, path: str) -> None:
        assert list_lines(layout.check, "", path) == [1]

    @pytest.mark.parametrize(
        "path", ["press_app/sites/rules.py", "press_app/sites/README.md", "press_app/kit/anything.py"]
    )
    def test_its_words_and_other_folders_are_allowed(self, path: str) -> None:
        assert list_lines(layout.check, "", path) == []

    def test_no_module_is_called_after_nothing(self) -> None:
        assert list_lines(layout.check, "", "agent/host/utils.py") == [1]


class TestForeignKeys:
    BENCHES = "class Bench:\n    __tablename__ = 'benches'\n"
    SITES = "class Site:\n    __tablename__ = 'sites'\n"

    def list_findings(self, bench_key: str = "", site_key: str = "") -> list[str]:
        project = make_project(
            {
                "press_app/benches/model.py": f"{self.BENCHES}{bench_key}",
                "press_app/sites/model.py": f"{self.SITES}{site_key}",
            }
        )
        return [str(finding) for finding in foreign_keys.check(project)]

    def test_a_key_may_point_down(self) -> None:
        assert self.list_findings(site_key="    bench = ForeignKey('benches.id')") == []

    def test_a_key_never_points_up(self) -> None:
        (finding,) = self.list_findings(bench_key="    site = sa.ForeignKey('sites.id')")
        assert finding.startswith("press_app/benches/model.py:3:")
        assert "stands above 'benches'" in finding

    def test_a_key_points_at_a_table_that_exists(self) -> None:
        (finding,) = self.list_findings(site_key="    app = ForeignKey('apps.id')")
        assert "in no model" in finding


class TestPlaces:
    @pytest.mark.parametrize(
        "text",
        [
            "see files.python" + "hosted.org/x",
            "https://py" + "pi.org/simple",
            "pip install --index-url https" + "://mirror.example/simple",
            "cd /ho" + "me/anna/x",
        ],
    )
    def test_places_of_one_machine_are_found(self, text: str) -> None:
        assert list_lines(places.check, text, "README.md") == [1]

    @pytest.mark.parametrize(
        "text", ["press_app/work/queue.py", "apt install docker.io", "https://example.com"]
    )
    def test_everyday_text_is_allowed(self, text: str) -> None:
        assert list_lines(places.check, text, "README.md") == []


class TestModules:
    def test_a_module_opens_with_a_line(self) -> None:
        assert list_lines(modules.check, "x = 1\n") == [1]
        assert list_lines(modules.check, '"""What lives here."""\nx = 1\n') == []
        assert list_lines(modules.check, "", "press_app/sites/__init__.py") == []

    def test_imports_stand_at_the_top_except_in_the_cli(self) -> None:
        text = '"""Doc."""\ndef f():\n    import json\n'
        assert list_lines(modules.check, text) == [3]
        assert list_lines(modules.check, text, "press_app/cli.py") == []
        assert list_lines(modules.check, text, "press_app/cli/programs.py") == []
