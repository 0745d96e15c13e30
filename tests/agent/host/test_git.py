"""Code by its commit, from real repositories."""

import subprocess
import tarfile
from pathlib import Path

import pytest

from agent.host.git import GitStore, SourceUnavailable
from tests.factories.git_https import git_https, publish


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for text in ("one", "two"):
        (folder / "pyproject.toml").write_text(text)
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", text)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> GitStore:
    return GitStore(tmp_path / "store")


def test_a_commit_is_fetched_once_and_exported_alike(store: GitStore, upstream: Path, tmp_path: Path) -> None:
    url, commit = f"file://{upstream}", git(upstream, "rev-parse", "HEAD~1")
    assert store.ensure(url, commit)
    upstream.rename(tmp_path / "gone")
    assert not store.ensure(url, commit)
    assert store.read(commit, "pyproject.toml") == b"one\n"
    assert store.read(commit, "package.json") is None
    for name in ("first.tar", "second.tar"):
        store.export(commit, tmp_path / name)
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()
    with tarfile.open(tmp_path / "first.tar") as archive:
        assert archive.getnames() == ["pyproject.toml"]


@pytest.mark.parametrize("commit", ["main", "a" * 39, "--upload-pack=touch /tmp/x", "A" * 40])
def test_what_is_no_commit_is_refused(store: GitStore, upstream: Path, commit: str) -> None:
    with pytest.raises(SourceUnavailable, match="is no commit"):
        store.ensure(f"file://{upstream}", commit)


def test_an_unknown_commit_is_said_so(store: GitStore, upstream: Path) -> None:
    with pytest.raises(SourceUnavailable, match="cannot be fetched"):
        store.ensure(f"file://{upstream}", "a" * 40)


def test_no_address_runs_a_program(store: GitStore, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="not allowed"):
        store.ensure(f"ext::touch {tmp_path / 'ran'}", "a" * 40)
    assert not (tmp_path / "ran").exists()


def test_what_a_killed_fetch_left_stops_nobody(store: GitStore, upstream: Path, tmp_path: Path) -> None:
    url = f"file://{upstream}"
    store.ensure(url, git(upstream, "rev-parse", "HEAD~1"))
    (tmp_path / "store" / "shallow.lock").touch()
    assert store.ensure(url, git(upstream, "rev-parse", "HEAD"))


def test_one_more_authority_is_trusted_where_it_is_named(upstream: Path, tmp_path: Path) -> None:
    commit = git(upstream, "rev-parse", "HEAD")
    with git_https(tmp_path) as (address, authority):
        publish(tmp_path, "frappe", upstream, "main", commit)
        with pytest.raises(SourceUnavailable, match="certificate"):
            GitStore(tmp_path / "strict").ensure(f"{address}/frappe", commit)
        assert GitStore(tmp_path / "store", authority).ensure(f"{address}/frappe", commit)
