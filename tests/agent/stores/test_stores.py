"""One class of tests over every backup store."""

from pathlib import Path

import pytest

from agent.errors import AgentError
from agent.stores.fake import FakeStore
from agent.stores.folder import FolderStore
from agent.stores.port import BackupStore
from tests.factories.object_store import ObjectStore


@pytest.fixture(params=["folder", "fake", "s3", "s3 with versions"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BackupStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "root" / "deep")
    if request.param == "fake":
        return FakeStore()
    server: ObjectStore = request.getfixturevalue("object_store")
    return server.store(server.make_bucket(is_lockable=request.param != "s3"))


def make_file(tmp_path: Path, content: bytes = b"data") -> Path:
    path = tmp_path / "source"
    path.write_bytes(content)
    return path


class TestPut:
    def test_reads_back_the_same(self, store: BackupStore, tmp_path: Path) -> None:
        location = store.put("site/b1", make_file(tmp_path))
        store.read_back(location, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"data"
        assert store.exists(location)

    def test_again_with_the_same_content(self, store: BackupStore, tmp_path: Path) -> None:
        assert store.put("a", make_file(tmp_path)) == store.put("a", make_file(tmp_path))

    def test_never_overwrites(self, store: BackupStore, tmp_path: Path) -> None:
        location = store.put("a", make_file(tmp_path))
        with pytest.raises(AgentError) as caught:
            store.put("a", make_file(tmp_path, b"other"))
        assert caught.value.code == "backup_conflict"
        store.read_back(location, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"data"

    @pytest.mark.parametrize("name", ["", "../a", "/a", "a//b", "a/..", ".a", "a b", "a\n", "x" * 501])
    def test_refuses_names_that_lead_elsewhere(self, store: BackupStore, tmp_path: Path, name: str) -> None:
        with pytest.raises(AgentError) as caught:
            store.put(name, make_file(tmp_path))
        assert caught.value.code == "backup_location_invalid"


class TestLocate:
    def test_is_where_put_stores(self, store: BackupStore, tmp_path: Path) -> None:
        assert store.put("site/b1", make_file(tmp_path)) == store.locate("site/b1")


class TestDelete:
    def test_leaves_those_whose_names_begin_the_same(self, store: BackupStore, tmp_path: Path) -> None:
        short, long = store.put("site/b1", make_file(tmp_path)), store.put("site/b10", make_file(tmp_path))
        assert store.delete(short)
        assert (store.exists(short), store.exists(long)) == (False, True)

    def test_the_name_is_free_again(self, store: BackupStore, tmp_path: Path) -> None:
        store.delete(store.put("a", make_file(tmp_path)))
        location = store.put("a", make_file(tmp_path, b"other"))
        store.read_back(location, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"other"


class TestCheck:
    def test_finds_nothing_wrong_and_leaves_nothing(self, store: BackupStore) -> None:
        assert all(finding.is_ok for finding in store.check())


class TestReadBack:
    def test_missing(self, store: BackupStore, tmp_path: Path) -> None:
        location = store.put("a", make_file(tmp_path))
        assert (store.delete(location), store.delete(location)) == (True, False)
        with pytest.raises(AgentError) as caught:
            store.read_back(location, tmp_path / "back")
        assert caught.value.code == "backup_missing"

    @pytest.mark.parametrize("location", ["other:a", "a", "folder:../../etc/passwd", "fake:../a", "s3:../a"])
    def test_refuses_other_locations(self, store: BackupStore, tmp_path: Path, location: str) -> None:
        with pytest.raises(AgentError) as caught:
            store.read_back(location, tmp_path / "back")
        assert caught.value.code == "backup_location_invalid"


class TestFolderStore:
    def test_removes_the_half_of_a_killed_attempt_and_nothing_of_others(self, tmp_path: Path) -> None:
        store = FolderStore(tmp_path / "root")
        store.put("site/b2", make_file(tmp_path))
        for half in (".b1.killed.part", ".b2.writing.part"):
            (tmp_path / "root" / "site" / half).write_bytes(b"da")
        store.put("site/b1", make_file(tmp_path))
        names = {path.name for path in (tmp_path / "root" / "site").iterdir()}
        assert names == {"b1", "b2", ".b2.writing.part"}

    def test_a_folder_that_cannot_be_written_to_is_found(self, tmp_path: Path) -> None:
        (tmp_path / "root").write_text("a file")
        (finding,) = FolderStore(tmp_path / "root").check()
        assert not finding.is_ok
        assert str(tmp_path / "root") in finding.message

    def test_leaves_no_halves(self, tmp_path: Path) -> None:
        store = FolderStore(tmp_path / "root")
        store.put("site/b1", make_file(tmp_path))
        assert [path.name for path in (tmp_path / "root" / "site").iterdir()] == ["b1"]

    @pytest.mark.parametrize("link", ["site/b1", "site"])
    def test_follows_no_link_that_leads_out(self, tmp_path: Path, link: str) -> None:
        store, root = FolderStore(tmp_path / "root"), tmp_path / "root"
        (tmp_path / "b1").write_bytes(b"secret")
        target = tmp_path if link == "site" else tmp_path / "b1"
        (root / link).parent.mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to(target)
        for ask in (store.exists, store.delete, lambda where: store.read_back(where, tmp_path / "back")):
            with pytest.raises(AgentError) as caught:
                ask("folder:site/b1")
            assert caught.value.code == "backup_location_invalid"
        assert (tmp_path / "b1").read_bytes() == b"secret"
        assert not (tmp_path / "back").exists()
