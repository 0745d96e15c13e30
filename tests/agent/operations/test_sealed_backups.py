"""What leaves the host is encrypted, opens with the team's key alone, and is proven by what it holds."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from agent.stores.fake import FakeStore
from tests.agent.operations.workshop import Killed, Workshop

WRITERS: dict[str, dict[str, Any]] = {
    "take_backup": {},
    "archive_site": {},
    "change_apps": {"apps": ["base"]},
}


class DyingStore(FakeStore):
    """Ends the worker right after it has stored something."""

    def put(self, name: str, source: Path) -> str:
        location = super().put(name, source)
        if len([call for call in self.calls if call[0] == "put"]) == 1:
            raise Killed(name)
        return location


@pytest.mark.parametrize("operation", WRITERS)
def test_nothing_of_the_site_is_in_the_store(shop: Workshop, operation: str) -> None:
    with shop.serving():
        shop.ask("/records", data="a secret of the company")
        job = shop.do(operation, backup_id=str(uuid.uuid4()), **WRITERS[operation])
    assert job.status == "succeeded", job.error
    (stored,) = shop.store.objects.values()
    assert stored.startswith(b"press-backup/1")
    for text in (b"a secret of the company", shop.site_id.encode(), b"acme"):
        assert text not in stored


def test_the_receipt_knows_what_is_stored_and_what_it_holds(shop: Workshop) -> None:
    backup = shop.back_up()
    assert backup["key_id"] == shop.key_id
    assert backup["sha256"] != backup["content_sha256"]
    assert backup["size_bytes"] > backup["content_bytes"] > 0


def test_a_new_key_leaves_old_backups_readable(shop: Workshop) -> None:
    old = shop.back_up()
    shop.key_id = str(uuid.uuid4())
    new = shop.back_up()
    assert new["key_id"] != old["key_id"]
    for backup in (old, new):
        assert shop.restore(backup).status == "succeeded"


def test_a_backup_of_an_earlier_version_is_restored(shop: Workshop) -> None:
    shop.key_id = None
    backup = shop.back_up()
    assert not {"key_id", "content_sha256"} & set(backup)
    assert shop.restore(backup).status == "succeeded"


class TestRefused:
    def restore(self, shop: Workshop, **changed: Any) -> tuple[str, bool]:
        backup = shop.back_up()
        before = shop.site_path.read_bytes()
        changed = {name: value(backup) if callable(value) else value for name, value in changed.items()}
        job = shop.restore({**backup, **changed.pop("facts", {})}, **changed)
        assert job.error is not None
        assert job.error.step == "fetch_backup"
        assert shop.site_path.read_bytes() == before
        return job.error.code, job.error.compensated

    def test_without_its_key(self, shop: Workshop) -> None:
        assert self.restore(shop, backup_key=None) == ("backup_key_wrong", True)

    def test_with_another_key(self, shop: Workshop) -> None:
        other = shop.name_key(str(uuid.uuid4()))
        assert self.restore(shop, backup_key=other) == ("backup_key_wrong", True)

    def test_with_another_key_of_that_name(self, shop: Workshop) -> None:
        def exchange(backup: dict[str, Any]) -> dict[str, str]:
            other = shop.name_key(str(uuid.uuid4()))
            return {"id": backup["key_id"], "secret": other["secret"]}

        assert self.restore(shop, backup_key=exchange) == ("backup_key_wrong", True)

    def test_when_it_holds_other_data(self, shop: Workshop) -> None:
        assert self.restore(shop, facts={"content_sha256": "0" * 64}) == ("backup_damaged", True)


def test_an_archive_begun_with_an_older_key_is_ended_with_both(shop: Workshop) -> None:
    trouble = shop.trouble("ensure_site_dropped.halfway")
    failed = shop.archive()
    trouble.unlink()
    assert failed.result is not None
    shop.key_id = str(uuid.uuid4())
    job = shop.archive(backup=failed.result["backup"])
    assert job.status == "succeeded"
    assert job.result is not None
    assert job.result["backup"]["key_id"] == failed.result["backup"]["key_id"]


def test_a_worker_that_dies_after_it_stored_goes_on_with_the_same_object(shop: Workshop) -> None:
    shop.store = DyingStore()
    job_id = str(uuid.uuid4())
    with pytest.raises(Killed):
        shop.do("take_backup", job_id=job_id, backup_id=str(uuid.uuid4()))
    job = shop.go_on(job_id)
    assert job.status == "succeeded", job.error
    assert len(shop.store.objects) == 1


@pytest.mark.parametrize("operation", ["take_backup", "archive_site"])
def test_nothing_readable_waits_in_the_jobs_folder(shop: Workshop, operation: str) -> None:
    seen: list[set[str]] = []

    class Looking(FakeStore):
        def put(self, name: str, source: Path) -> str:
            seen.append({path.name for path in source.parent.iterdir()})
            return super().put(name, source)

    shop.store = Looking()
    assert shop.do(operation, backup_id=str(uuid.uuid4())).status == "succeeded"
    assert seen == [{"sealed"}]
