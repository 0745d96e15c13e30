"""No site goes without a backup that was read back, and none of those is lost when the removal fails."""

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agent.operations.archive_site import ArchiveSiteParams
from agent.stores.errors import StoreFull
from agent.stores.fake import FakeStore
from tests.agent.operations.workshop import BadDisk, Workshop
from tests.agent.support import wait_until


class BlinkingStore(FakeStore):
    """Is told by a test what to do when something is read back."""

    on_read: Callable[[str], None]

    def read_back(self, location: str, destination: Path) -> None:
        self.on_read(location)
        super().read_back(location, destination)


class AwayStore(FakeStore):
    """Takes nothing, and removes nothing."""

    def put(self, name: str, source: Path) -> str:
        raise StoreFull(f"No room for {name} of {source.stat().st_size} bytes.")

    def delete(self, location: str) -> bool:
        raise StoreFull(f"Not even {location} can be removed.")


def fail_in_drop(shop: Workshop, moment: str = "halfway") -> dict[str, Any]:
    """Let an archive fail in its last step. Returns the backup that it hands over."""
    trouble = shop.trouble(f"ensure_site_dropped.{moment}")
    job = shop.archive()
    trouble.unlink()
    assert job.status == "failed"
    assert job.result is not None
    backup: dict[str, Any] = job.result["backup"]
    return backup


class TestReadBack:
    @pytest.mark.parametrize("operation", ["archive_site", "take_backup"])
    def test_a_backup_that_reads_back_differently_saves_the_site(
        self, shop: Workshop, operation: str
    ) -> None:
        shop.store = BadDisk()
        before = shop.site_path.read_bytes()
        job = shop.do(operation, backup_id=str(uuid.uuid4()))
        assert job.error is not None
        assert (job.error.code, job.error.step, job.error.compensated) == (
            "backup_damaged",
            "read_back",
            True,
        )
        assert (job.result, shop.store.objects) == (None, {})
        assert (shop.site_path.read_bytes(), shop.state()) == (before, "active")

    def test_a_suspended_site_stays_suspended(self, shop: Workshop) -> None:
        shop.do("suspend_site", reason="unpaid")
        shop.store = BadDisk()
        assert shop.archive().status == "failed"
        assert shop.state() == "suspended"


class TestLockedStore:
    @pytest.mark.parametrize("operation", ["archive_site", "take_backup"])
    def test_what_cannot_be_discarded_stays_and_fails_nothing_more(
        self, shop: Workshop, operation: str
    ) -> None:
        shop.store = BadDisk()
        shop.store.locked_until = "2027-01-01T00:00:00Z"
        job = shop.do(operation, backup_id=str(uuid.uuid4()))
        assert job.error is not None
        assert (job.error.code, job.error.compensated, job.result) == ("backup_damaged", True, None)
        assert len(shop.store.objects) == 1
        assert any("locked until 2027-01-01" in step.output for step in job.steps)
        assert shop.state() == "active"

    def test_a_store_that_is_away_leaves_the_site_as_it_was(self, shop: Workshop) -> None:
        shop.store = AwayStore()
        job = shop.archive()
        assert job.error is not None
        assert (job.error.code, job.error.step, job.error.compensated) == (
            "store_full",
            "ensure_stored",
            True,
        )
        assert shop.state() == "active"


class TestFailedDrop:
    @pytest.mark.parametrize("moment", ["before", "halfway", "after"])
    def test_hands_over_the_backup_and_keeps_it(self, shop: Workshop, moment: str) -> None:
        backup = fail_in_drop(shop, moment)
        assert backup["verified_at"] is not None
        assert shop.store.exists(backup["location"])
        assert ("delete", backup["location"]) not in shop.store.calls

    def test_says_that_nothing_was_taken_back(self, shop: Workshop) -> None:
        shop.trouble("ensure_site_dropped.before")
        job = shop.archive()
        assert job.error is not None
        assert (job.error.code, job.error.step, job.error.compensated) == (
            "fake_trouble",
            "ensure_dropped",
            False,
        )
        assert shop.state() == "suspended"

    def test_is_tried_again_for_a_while(self, shop: Workshop) -> None:
        shop.patience_seconds = 20.0
        trouble = shop.trouble("ensure_site_dropped.before")
        reached = trouble.with_suffix(".reached")

        def mend() -> None:
            wait_until(reached.exists)
            trouble.unlink()

        mender = threading.Thread(target=mend)
        mender.start()
        job = shop.archive()
        mender.join()
        assert (job.status, shop.state()) == ("succeeded", None)
        assert "was told to fail" in job.steps[-1].output

    def test_a_job_that_failed_before_hands_over_nothing(self, shop: Workshop) -> None:
        shop.trouble("write_backup.after")
        assert shop.archive().result is None


class TestAgain:
    def test_finishes_what_was_begun_and_keeps_the_backup_that_is_named(self, shop: Workshop) -> None:
        backup = fail_in_drop(shop)
        job = shop.archive(backup=backup)
        assert (job.status, [step.state.value for step in job.steps]) == (
            "succeeded",
            ["unchanged"] * 5 + ["done"],
        )
        assert job.result is not None
        assert job.result["backup"] | {"verified_at": None} == backup | {"verified_at": None}
        assert list(shop.store.objects) == [backup["location"].removeprefix("fake:")]
        assert not shop.site_path.parent.exists()
        assert shop.restore(job.result["backup"]).status == "succeeded"

    def test_a_site_that_is_gone_altogether_is_archived(self, shop: Workshop) -> None:
        assert shop.archive(backup=fail_in_drop(shop, "after")).status == "succeeded"

    def test_a_site_that_stands_is_backed_up_anew(self, shop: Workshop) -> None:
        earlier = fail_in_drop(shop, "before")
        job = shop.archive(backup=earlier)
        assert job.result is not None
        assert job.result["backup"]["id"] != earlier["id"]
        assert shop.store.exists(earlier["location"])

    def test_without_a_backup_it_refuses(self, shop: Workshop) -> None:
        fail_in_drop(shop)
        job = shop.archive()
        assert job.error is not None
        assert (job.error.code, job.error.step, job.error.compensated) == ("site_unknown", "look", True)

    @pytest.mark.parametrize("loss", ["damage", "delete"])
    def test_a_backup_that_is_not_whole_any_more_does_not_count(self, shop: Workshop, loss: str) -> None:
        backup = fail_in_drop(shop)
        getattr(shop.store, loss)(backup["location"])
        job = shop.archive(backup=backup)
        assert job.error is not None
        assert (job.error.code, job.error.step, job.result) == (
            {"damage": "backup_damaged", "delete": "backup_missing"}[loss],
            "look",
            None,
        )
        assert shop.site_path.parent.exists()

    def test_failing_once_more_it_hands_the_same_backup_over(self, shop: Workshop) -> None:
        backup = fail_in_drop(shop)
        shop.trouble("ensure_site_dropped.before")
        job = shop.archive(backup=backup)
        assert job.result is not None
        assert job.result["backup"]["id"] == backup["id"]
        assert shop.store.exists(backup["location"])

    def test_never_discards_the_backup_that_is_named(self, shop: Workshop) -> None:
        """The same id and content again, and the object is lost sight of while it is read back."""
        shop.key_id = None
        earlier = fail_in_drop(shop, "before")
        store = BlinkingStore()
        store.objects = shop.store.objects

        def blink(_location: str) -> None:
            raise OSError(5, "Input/output error")

        store.on_read = blink
        shop.store = store
        job = shop.do("archive_site", backup_id=earlier["id"], backup=earlier)
        assert job.error is not None
        assert job.error.step == "read_back"
        assert store.exists(earlier["location"])

    def test_is_of_the_same_site(self, shop: Workshop) -> None:
        backup = shop.back_up() | {"site_id": str(uuid.uuid4())}
        params = {"bench_id": shop.bench_id, "site_id": shop.site_id, "backup_id": str(uuid.uuid4())}
        with pytest.raises(ValidationError, match="another site"):
            ArchiveSiteParams.model_validate(params | {"backup": backup})
