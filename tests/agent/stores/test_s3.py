"""A real S3: nothing half counts, nothing locked goes, and every kind of trouble has its own words."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.commands.redact import Secret
from agent.errors import AgentError
from agent.jobs.deadline import interrupt_after
from agent.jobs.errors import DeadlinePassed
from agent.stores.errors import BackupLocked
from agent.stores.s3 import PART_BYTES
from agent.stores.s3_connection import CONNECT_SECONDS, read_keys
from tests.factories.object_store import ObjectStore, running_object_store
from tests.factories.processes import free_port
from tests.factories.store_trouble import troubled

LOCKED: dict[str, Any] = {"lock_days": 1, "lock_mode": "compliance"}


def make_file(tmp_path: Path, size: int = 100) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(size))
    return path


def hang(released: threading.Event) -> None:
    """Answer nothing until the test is over."""
    released.wait(60)


class TestLargeObjects:
    def test_go_in_parts_and_come_back(self, object_store: ObjectStore, tmp_path: Path) -> None:
        bucket = object_store.make_bucket(is_lockable=True)
        store, source = object_store.store(bucket, **LOCKED), make_file(tmp_path, 2 * PART_BYTES + 5)
        location = store.put("site/b1", source)
        assert store.put("site/b1", source) == location
        store.read_back(location, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()
        head = object_store.client().head_object(Bucket=bucket, Key="host-1/site/b1")
        assert (head["ETag"].strip('"').partition("-")[2], head["ObjectLockMode"]) == ("3", "COMPLIANCE")

    def test_what_is_damaged_on_the_way_is_refused_by_the_store(
        self, object_store: ObjectStore, tmp_path: Path
    ) -> None:
        bucket = object_store.make_bucket()
        with pytest.raises(AgentError) as caught, troubled(object_store.url, is_spoiling=True) as url:
            object_store.store(bucket, endpoint=url).put("site/b1", make_file(tmp_path))
        assert (caught.value.code, "BadDigest" in caught.value.message) == ("store_failed", True)
        assert not object_store.store(bucket).exists("s3:site/b1")


class TestLock:
    def test_keeps_what_was_put_and_says_until_when(self, object_store: ObjectStore, tmp_path: Path) -> None:
        store = object_store.store(object_store.make_bucket(is_lockable=True), **LOCKED)
        location = store.put("site/b1", make_file(tmp_path))
        with pytest.raises(BackupLocked) as caught:
            store.delete(location)
        assert caught.value.until is not None
        assert caught.value.until in caught.value.message
        assert store.exists(location)

    def test_what_others_put_over_it_or_hide_it_with_changes_nothing(
        self, object_store: ObjectStore, tmp_path: Path
    ) -> None:
        bucket = object_store.make_bucket(is_lockable=True)
        store, source = object_store.store(bucket, **LOCKED), make_file(tmp_path)
        location = store.put("site/b1", source)
        client = object_store.client()
        client.put_object(Bucket=bucket, Key="host-1/site/b1", Body=b"ransom")
        client.delete_object(Bucket=bucket, Key="host-1/site/b1")
        store.read_back(location, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()
        assert store.put("site/b1", source) == location

    @pytest.mark.parametrize("mode", ["compliance", "governance"])
    def test_is_attacked_by_the_check(self, object_store: ObjectStore, mode: str) -> None:
        bucket = object_store.make_bucket(is_lockable=True)
        findings = {
            each.name: each for each in object_store.store(bucket, lock_days=1, lock_mode=mode).check()
        }
        assert list(findings) == ["store", "lock", "delete", "shorten", "overwrite", "hide", "bypass"]
        # The keys of this test may do everything, also lift what is not locked for good.
        assert [name for name, each in findings.items() if not each.is_ok] == (
            ["bypass"] if mode == "governance" else []
        )
        held = object_store.client().list_object_versions(Bucket=bucket, Prefix="host-1/check/")
        assert ("Versions" in held) is (mode == "compliance")

    def test_the_check_finds_a_store_that_forgets_the_lock(self, object_store: ObjectStore) -> None:
        bucket = object_store.make_bucket(is_lockable=True)
        with troubled(object_store.url, drops="x-amz-object-lock") as url:
            found = list(object_store.store(bucket, endpoint=url, **LOCKED).check())
        assert {"lock", "delete"} <= {each.name for each in found if not each.is_ok}

    def test_the_filer_opens_no_way_round_it(self, object_store: ObjectStore) -> None:
        assert object_store.ask_filer("DELETE", "/buckets/x/y") == 401


class TestHalves:
    def test_of_a_killed_attempt_are_no_object_and_go_with_the_next(
        self, object_store: ObjectStore, tmp_path: Path
    ) -> None:
        bucket, client = object_store.make_bucket(), object_store.client()
        named = {"Bucket": bucket, "Key": "host-1/site/b1"}
        upload = client.create_multipart_upload(**named)["UploadId"]
        client.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"half")
        store = object_store.store(bucket)
        assert not store.exists("s3:site/b1")
        store.put("site/b1", make_file(tmp_path))
        assert client.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []

    def test_are_removed_with_what_never_was_put(self, object_store: ObjectStore) -> None:
        bucket, client = object_store.make_bucket(), object_store.client()
        client.create_multipart_upload(Bucket=bucket, Key="host-1/site/b1")
        assert object_store.store(bucket).delete("s3:site/b1") is False
        assert client.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


@pytest.fixture
def mortal_store(tmp_path: Path) -> Iterator[ObjectStore]:
    with running_object_store(tmp_path / "mortal") as store:
        yield store


class TestKilledServer:
    def test_in_the_middle_of_a_put_leaves_nothing_that_counts(
        self, mortal_store: ObjectStore, tmp_path: Path
    ) -> None:
        bucket, source = mortal_store.make_bucket(), make_file(tmp_path, 4 * PART_BYTES)
        parts: list[str] = []

        def kill_at_third(method: str, path: str) -> None:
            if method == "PUT" and "partNumber" in path:
                parts.append(path)
                if len(parts) == 3:
                    mortal_store.kill()

        with troubled(mortal_store.url, kill_at_third) as url, pytest.raises(AgentError) as caught:
            mortal_store.store(bucket, endpoint=url, timeout_seconds=2).put("site/b1", source)
        assert caught.value.code == "store_unreachable"
        assert caught.value.passes_in_seconds > 0
        mortal_store.start()
        store = mortal_store.store(bucket)
        assert not store.exists("s3:site/b1")
        location = store.put("site/b1", source)
        store.read_back(location, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()


class TestTrouble:
    def put(self, server: ObjectStore, tmp_path: Path, bucket: str = "", **changed: Any) -> AgentError:
        with pytest.raises(AgentError) as caught:
            server.store(bucket or server.make_bucket(), **changed).put("site/b1", make_file(tmp_path))
        return caught.value

    @pytest.mark.parametrize("wrong", [{"key": Secret("wrong")}, {"key_id": "nobody"}])
    def test_wrong_keys(self, object_store: ObjectStore, tmp_path: Path, wrong: dict[str, Any]) -> None:
        error = self.put(object_store, tmp_path, **wrong)
        assert (error.code, error.status) == ("store_refused", 422)
        assert "PRESS_AGENT_S3_KEY_FILE" in error.message
        assert "wrong" not in error.message

    def test_no_such_bucket(self, object_store: ObjectStore, tmp_path: Path) -> None:
        error = self.put(object_store, tmp_path, bucket="nobodys-bucket")
        assert (error.code, "nobodys-bucket" in error.message) == ("store_bucket_missing", True)

    def test_a_bucket_without_lock(self, object_store: ObjectStore, tmp_path: Path) -> None:
        error = self.put(object_store, tmp_path, **LOCKED)
        assert (error.code, "PRESS_AGENT_S3_LOCK_DAYS" in error.message) == ("store_not_lockable", True)

    def test_nobody_answers(self, object_store: ObjectStore, tmp_path: Path) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        error = self.put(object_store, tmp_path, endpoint=url)
        assert (error.code, url in error.message) == ("store_unreachable", True)

    @pytest.mark.parametrize(
        ("status", "told", "code"),
        [(507, "XMinioStorageFull", "store_full"), (500, "InternalError", "store_failed")],
    )
    def test_the_store_fails(
        self, object_store: ObjectStore, tmp_path: Path, status: int, told: str, code: str
    ) -> None:
        with troubled(object_store.url, lambda method, _: (status, told) if method == "PUT" else None) as url:
            assert self.put(object_store, tmp_path, endpoint=url).code == code

    def test_throttled_for_a_while_is_waited_for(self, object_store: ObjectStore, tmp_path: Path) -> None:
        bucket, answers = object_store.make_bucket(), iter([(503, "SlowDown")] * 2)
        with troubled(
            object_store.url, lambda method, _: next(answers, None) if method == "PUT" else None
        ) as url:
            store = object_store.store(bucket, endpoint=url)
            assert store.exists(store.put("site/b1", make_file(tmp_path)))

    def test_throttled_for_too_long_is_said(self, object_store: ObjectStore, tmp_path: Path) -> None:
        with troubled(object_store.url, lambda *_: (503, "SlowDown")) as url:
            error = self.put(object_store, tmp_path, endpoint=url)
        assert (error.code, error.passes_in_seconds > 0) == ("store_throttled", True)

    def test_a_store_that_knows_no_conditions_or_versions_is_used_without(
        self, object_store: ObjectStore, tmp_path: Path
    ) -> None:
        bucket = object_store.make_bucket()
        unknown = (501, "NotImplemented")
        with troubled(
            object_store.url,
            lambda _, path: unknown if "versions" in path or "uploads" in path else None,
            refuses="if-none-match",
        ) as url:
            store = object_store.store(bucket, endpoint=url)
            location = store.put("site/b1", make_file(tmp_path))
            assert store.exists(location)
            assert (store.delete(location), store.delete(location)) == (True, False)

    def test_silence_ends_with_the_time_limit(self, object_store: ObjectStore, tmp_path: Path) -> None:
        released = threading.Event()
        with troubled(object_store.url, lambda *_: hang(released)) as url:
            error = self.put(object_store, tmp_path, endpoint=url, timeout_seconds=0.2)
            released.set()
        assert (error.code, "0.2 s" in error.message) == ("store_unreachable", True)

    def test_the_jobs_deadline_is_not_taken_for_trouble_of_the_network(
        self, object_store: ObjectStore, tmp_path: Path
    ) -> None:
        released, bucket = threading.Event(), object_store.make_bucket()
        with troubled(object_store.url, lambda *_: hang(released)) as url:
            store, began = object_store.store(bucket, endpoint=url), time.monotonic()
            with pytest.raises(DeadlinePassed), interrupt_after(1.5):
                store.put("site/b1", make_file(tmp_path))
            released.set()
        assert time.monotonic() - began < CONNECT_SECONDS


class TestKeys:
    def test_are_two_words_of_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "keys").write_text("id\nkey\n")
        assert read_keys(tmp_path / "keys") == ("id", Secret("key"))

    @pytest.mark.parametrize("text", ["", "one", "a b c"])
    def test_a_file_of_another_shape_is_said_without_what_stands_in_it(
        self, tmp_path: Path, text: str
    ) -> None:
        (tmp_path / "keys").write_text(text)
        with pytest.raises(ValueError, match="one a line") as caught:
            read_keys(tmp_path / "keys")
        assert "a b c" not in str(caught.value)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="PRESS_AGENT_S3_KEY_FILE"):
            read_keys(tmp_path / "keys")
