"""What is over goes from the store; what is gone, locked or elsewhere is said and fails nothing."""

import uuid
from typing import Any

from agent.stores.errors import StoreRefused
from agent.stores.fake import FakeStore
from tests.agent.operations.workshop import Workshop


def delete(shop: Workshop, *backups: dict[str, Any]) -> dict[str, Any]:
    named = [{"id": backup["id"], "location": backup["location"]} for backup in backups]
    job = shop.do("delete_backups", backups=named)
    assert job.status == "succeeded", job.error
    assert job.result is not None
    return job.result


def nothing(**found: list[Any]) -> dict[str, list[Any]]:
    return {"deleted": [], "missing": [], "locked": [], "foreign": [], **found}


def test_removes_those_that_are_named_and_no_others(shop: Workshop) -> None:
    old, older, kept = shop.back_up(), shop.back_up(), shop.back_up()
    assert delete(shop, old, older) == nothing(deleted=[old["id"], older["id"]])
    assert list(shop.store.objects) == [kept["location"].removeprefix("fake:")]
    assert delete(shop, old, older) == nothing(missing=[old["id"], older["id"]])


def test_what_is_locked_stays_and_is_said_with_its_date(shop: Workshop) -> None:
    backup = shop.back_up()
    shop.store.locked_until = "2027-01-01T00:00:00.000Z"
    locked = [{"id": backup["id"], "until": "2027-01-01T00:00:00.000Z"}]
    assert delete(shop, backup) == nothing(locked=locked)
    shop.store.locked_until = None
    assert delete(shop, backup) == nothing(deleted=[backup["id"]])


def test_what_stands_in_another_store_is_left_there(shop: Workshop) -> None:
    backup, elsewhere = shop.back_up(), {"id": str(uuid.uuid4()), "location": "tape:site/b1"}
    assert delete(shop, elsewhere, backup) == nothing(foreign=[elsewhere["id"]], deleted=[backup["id"]])


def test_neither_site_nor_bench_need_stand(shop: Workshop) -> None:
    backup = shop.back_up()
    shop.do("drop_site")
    shop.bench_id = str(uuid.uuid4())
    assert delete(shop, backup) == nothing(deleted=[backup["id"]])


def test_a_store_that_refuses_fails_the_job_which_can_be_sent_again(shop: Workshop) -> None:
    class Refusing(FakeStore):
        def delete(self, location: str) -> bool:
            raise StoreRefused(f"{location} may not be deleted with these keys.")

    backup = shop.back_up()
    shop.store, full = Refusing(), shop.store
    job = shop.do("delete_backups", backups=[{"id": backup["id"], "location": backup["location"]}])
    assert job.error is not None
    assert (job.error.code, job.error.compensated) == ("store_refused", True)
    shop.store = full
    assert delete(shop, backup) == nothing(deleted=[backup["id"]])
