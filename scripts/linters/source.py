"""What the rules look at: the files of the tree, read once, and what a rule reports."""

import ast
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

DEPLOYABLES = ("press_app", "agent", "billing_bridge")
TEXT_SUFFIXES = frozenset(
    {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".json", ".html", ".css", ".js", ".ts", ".vue", ".sh"}
    | {".example", ".j2", ".cfg", ".ini", ".conf", ".sql", ".mako", ""}
)
SKIPPED_PARTS = frozenset({".git", ".venv", "var", "node_modules", "dist", "__pycache__"})
MAX_BYTES = 2_000_000


@dataclass(frozen=True)
class Finding:
    """One broken rule at one place; ``subject`` is what an exemption names (a path or ``path::name``)."""

    path: str
    line: int
    rule: str
    message: str
    subject: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True)
class Source:
    """A text file of the tree; ``path`` is relative to the root, with forward slashes."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree; raises SyntaxError with the path in it."""
        return ast.parse(self.text, filename=self.path)

    @property
    def parts(self) -> tuple[str, ...]:
        return PurePosixPath(self.path).parts

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def is_test(self) -> bool:
        return self.parts[0] == "tests"

    @property
    def is_generated(self) -> bool:
        """Alembic's revisions are written by a tool and never edited for style."""
        return "migrations/versions/" in self.path

    def finding(self, rule: str, line: int, message: str, *, name: str = "") -> Finding:
        subject = f"{self.path}::{name}" if name else self.path
        return Finding(path=self.path, line=line, rule=rule, message=message, subject=subject)


@dataclass(frozen=True)
class Project:
    """All sources, and the parsed ``pyproject.toml`` that the rules share with the other gates."""

    sources: tuple[Source, ...]
    config: Mapping[str, object]

    def python(self) -> Iterator[Source]:
        """Hand-written Python files."""
        return (source for source in self.sources if source.is_python and not source.is_generated)

    def deployed(self) -> Iterator[Source]:
        """Hand-written Python files of the programs themselves."""
        return (source for source in self.python() if source.parts[0] in DEPLOYABLES)


def list_files(root: Path) -> list[str]:
    """Paths that belong to the tree: what git knows or would add; without git, what is not build output."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        check=False,
        text=True,
    )
    if listed.returncode == 0:
        return sorted({path for path in listed.stdout.split("\0") if path and (root / path).is_file()})
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if not SKIPPED_PARTS.intersection(path.parts))


def read_sources(root: Path) -> tuple[Source, ...]:
    """Every text file of the tree; binary and very large files are not read."""
    sources = []
    for path in list_files(root):
        file = root / path
        if file.suffix not in TEXT_SUFFIXES or file.stat().st_size > MAX_BYTES:
            continue
        try:
            sources.append(Source(path=path, text=file.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return tuple(sources)
