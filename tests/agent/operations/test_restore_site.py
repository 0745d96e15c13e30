"""A verified backup comes back over whatever is left of the site."""

import pytest

from tests.agent.operations.workshop import Workshop


def lose(shop: Workshop, how: str) -> None:
    if how == "damaged":
        shop.site_path.write_text("\0\0\0")
    if how in {"missing", "unknown"}:
        shop.site_path.unlink()
    if how == "unknown":
        shop.site_path.parent.rmdir()


class TestLostData:
    @pytest.mark.parametrize("how", ["damaged", "missing", "unknown"])
    def test_come_back(self, shop: Workshop, how: str) -> None:
        backup = shop.back_up()
        before = shop.engine.measure_usage(shop.bench_id, shop.site_id).users
        lose(shop, how)
        job = shop.restore(backup)
        assert job.status == "succeeded", job
        (kept,) = [step for step in job.steps if step.key == "keep_present_data"]
        assert "nothing to keep: " in kept.output
        assert shop.engine.measure_usage(shop.bench_id, shop.site_id).users == before

    def test_cannot_be_brought_back_when_the_restore_fails(self, shop: Workshop) -> None:
        backup = shop.back_up()
        lose(shop, "damaged")
        shop.trouble("ensure_restored.after")
        job = shop.restore(backup)
        assert job.error is not None
        assert (job.error.code, job.error.compensated) == ("fake_trouble", False)
        assert "Bring the data back" in job.error.message
        assert shop.state() == "suspended"

    def test_what_was_made_anew_is_removed_when_the_restore_fails(self, shop: Workshop) -> None:
        backup = shop.back_up()
        lose(shop, "unknown")
        shop.trouble("ensure_restored.after")
        job = shop.restore(backup)
        assert job.error is not None
        assert (job.error.compensated, shop.state()) == (True, None)

    def test_a_damaged_site_is_listed_and_can_be_removed(self, shop: Workshop) -> None:
        lose(shop, "damaged")
        assert [site.site_id for site in shop.engine.list_sites(shop.bench_id)] == [shop.site_id]
        job = shop.archive()
        assert job.error is not None
        assert (job.error.code, job.error.compensated) == ("site_data_unreadable", True)
        assert shop.site_path.exists()
        assert shop.do("drop_site").status == "succeeded"
        assert shop.state() is None


class TestPresentData:
    def test_come_back_when_the_restore_fails(self, shop: Workshop) -> None:
        backup = shop.back_up()
        shop.site_path.write_text(shop.site_path.read_text().replace('"records": []', '"records": ["Later"]'))
        before = shop.site_path.read_bytes()
        shop.trouble("ensure_restored.after", "once")
        job = shop.restore(backup)
        assert job.error is not None
        assert job.error.compensated
        assert shop.site_path.read_bytes() == before

    def test_a_full_disk_is_no_reason_to_go_on_without_keeping_them(self, shop: Workshop) -> None:
        backup = shop.back_up()
        before = shop.site_path.read_bytes()
        shop.trouble("write_backup.before").write_text("disk")
        job = shop.restore(backup)
        assert job.error is not None
        assert (job.error.code, job.error.step, job.error.compensated) == (
            "disk_full",
            "keep_present_data",
            True,
        )
        assert shop.site_path.read_bytes() == before
