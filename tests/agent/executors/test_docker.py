"""Containers on a real engine: what they may do, how they end, and who notices."""

import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import requests

from agent.errors import AgentError
from agent.executors.docker import OWNER_LABEL, DockerExecutor
from agent.executors.port import ProgramSpec, ProgramStatus
from agent.host.docker_connection import DockerConnection
from agent.host.docker_containers import DockerContainers
from agent.host.docker_images import DockerImages
from agent.host.docker_values import LOG_BYTES, PIDS, TMP_BYTES
from tests.agent.support import ROOT, free_port, running, wait_until
from tests.factories.docker_engine import BASE_IMAGE, docker_engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]
MIB = 1 << 20
SLOW = 30.0


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with docker_engine() as engine:
        yield engine.url


@pytest.fixture
def connection(url: str) -> Iterator[DockerConnection]:
    with closing(DockerConnection(url)) as made:
        yield made


@pytest.fixture
def docker(connection: DockerConnection) -> DockerContainers:
    return DockerContainers(connection)


@pytest.fixture
def executor(connection: DockerConnection, tmp_path: Path) -> Iterator[DockerExecutor]:
    executor = DockerExecutor(connection, tmp_path / "agent")
    yield executor
    executor.ensure_removed("bench-1")


def make_program(folder: Path, script: str, **overrides: object) -> ProgramSpec:
    folder.mkdir(exist_ok=True)
    spec = ProgramSpec(
        name="bench-1",
        argv=("bash", "-c", script),
        directory=folder,
        environment={"COLOUR": "bl'ue, 100%"},
        memory_bytes=64 * MIB,
        stop_seconds=3,
        image=BASE_IMAGE,
        writable=(folder,),
    )
    return replace(spec, **overrides)  # type: ignore[arg-type]


FOREVER = "trap 'exit 0' TERM; echo up; while true; do sleep 0.1; done"


class TestLife:
    def test_runs_once_is_replaced_on_change_and_is_forgotten(
        self, executor: DockerExecutor, tmp_path: Path
    ) -> None:
        program = make_program(tmp_path / "bench", FOREVER)
        assert executor.find_status("bench-1") is None
        assert executor.ensure_running(program) is True
        assert executor.ensure_running(program) is False
        assert executor.find_status("bench-1") is ProgramStatus.RUNNING
        assert executor.measure("bench-1").memory_bytes > 0
        assert executor.ensure_running(replace(program, memory_bytes=96 * MIB)) is True
        assert executor.ensure_removed("bench-1") is True
        assert executor.ensure_removed("bench-1") is False
        assert executor.find_status("bench-1") is None
        assert executor.measure("bench-1").memory_bytes == 0
        assert executor.read_log("bench-1") == ""

    def test_a_program_that_dies_comes_back(self, executor: DockerExecutor, tmp_path: Path) -> None:
        folder = tmp_path / "bench"
        executor.ensure_running(make_program(folder, "echo life >> lives; sleep 0.3; exit 7"))
        lives = folder / "lives"
        wait_until(lambda: lives.exists() and lives.read_text().count("life") >= 2, SLOW, "no second life")
        wait_until(lambda: "status 7" in executor.read_log("bench-1"), SLOW, "nobody says how it ended")

    def test_one_that_was_stopped_by_hand_is_started(
        self, executor: DockerExecutor, docker: DockerContainers, tmp_path: Path
    ) -> None:
        program = make_program(tmp_path / "bench", FOREVER)
        executor.ensure_running(program)
        (container,) = docker.list_labelled(f"{OWNER_LABEL}={tmp_path / 'agent'}")
        docker.stop(container.name, stop_seconds=3)
        assert executor.find_status("bench-1") is ProgramStatus.STOPPED
        assert executor.ensure_running(program) is True
        assert executor.find_status("bench-1") is ProgramStatus.RUNNING

    def test_a_port_is_reached_at_the_loopback_address_only(
        self, executor: DockerExecutor, tmp_path: Path
    ) -> None:
        port = free_port()
        serve = f"exec perl -MIO::Socket::INET -e '{PERL}' {port}"
        executor.ensure_running(make_program(tmp_path / "bench", serve, ports=(port,)))

        def is_there() -> bool:
            try:
                return requests.get(f"http://127.0.0.1:{port}/", timeout=5).text == "hello"
            except requests.ConnectionError:
                return False

        wait_until(is_there, SLOW, "nobody answers at the port")
        listening = subprocess.run(
            ["ss", "-Hltn", f"sport = :{port}"], check=True, capture_output=True, text=True
        )
        assert {line.split()[3] for line in listening.stdout.splitlines()} == {f"127.0.0.1:{port}"}


PERL = (
    "my $s = IO::Socket::INET->new(LocalAddr => q(0.0.0.0), LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1);"
    "while (my $c = $s->accept) { my $l = <$c>; print $c qq(HTTP/1.0 200 OK\\r\\n\\r\\nhello); close $c }"
)


def is_running(executor: DockerExecutor, name: str) -> bool:
    return executor.find_status(name) is ProgramStatus.RUNNING


class TestServing:
    """What ``press-agent run benches`` does where containers are used."""

    @contextmanager
    def served(self, url: str, data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
        code = (
            "import pathlib; from agent.executors.docker import DockerExecutor; from agent.host.docker_connection import DockerConnection;"
            f"DockerExecutor(DockerConnection({url!r}), pathlib.Path({str(data_dir)!r})).serve()"
        )
        with running((sys.executable, "-c", code), data_dir / "served.log") as process:
            yield process

    def test_it_starts_what_stands_and_stops_it_when_told(
        self, executor: DockerExecutor, url: str, tmp_path: Path
    ) -> None:
        executor.ensure_running(make_program(tmp_path / "bench", FOREVER))
        for _ in range(2):
            with self.served(url, tmp_path / "agent"):
                wait_until(lambda: executor.find_status("bench-1") is ProgramStatus.RUNNING, SLOW)
                time.sleep(1)
            assert executor.find_status("bench-1") is ProgramStatus.STOPPED

    def test_what_somebody_stopped_is_started_again(
        self, executor: DockerExecutor, docker: DockerContainers, url: str, tmp_path: Path
    ) -> None:
        executor.ensure_running(make_program(tmp_path / "bench", FOREVER))
        (container,) = docker.list_labelled(f"{OWNER_LABEL}={tmp_path / 'agent'}")
        with self.served(url, tmp_path / "agent"):
            time.sleep(1)
            docker.stop(container.name, stop_seconds=3)
            wait_until(lambda: executor.find_status("bench-1") is ProgramStatus.RUNNING, SLOW)

    def test_one_that_cannot_be_started_keeps_no_other_down(
        self, executor: DockerExecutor, docker: DockerContainers, url: str, tmp_path: Path
    ) -> None:
        program = make_program(tmp_path / "bench", FOREVER)
        for name in ("bench-1", "bench-2"):
            executor.ensure_running(replace(program, name=name))
        try:
            for container in docker.list_labelled(f"{OWNER_LABEL}={tmp_path / 'agent'}"):
                if container.name.endswith("bench-1"):
                    docker.stop(container.name, stop_seconds=1)
                else:
                    subprocess.run(
                        ["docker", "-H", url, "pause", container.name], check=True, capture_output=True
                    )
            with self.served(url, tmp_path / "agent"):
                for name in ("bench-1", "bench-2"):
                    wait_until(partial(is_running, executor, name), SLOW, f"{name} is not kept")
        finally:
            executor.ensure_removed("bench-2")

    def test_what_runs_to_its_end_is_not_kept(
        self, executor: DockerExecutor, docker: DockerContainers, tmp_path: Path
    ) -> None:
        seen: list[str] = []

        def look() -> None:
            time.sleep(1)
            seen.extend(one.name for one in docker.list_labelled(f"{OWNER_LABEL}={tmp_path / 'agent'}"))

        thread = threading.Thread(target=look)
        thread.start()
        executor.run_once(make_program(tmp_path / "bench", "sleep 2"), timeout_seconds=SLOW)
        thread.join()
        assert seen == []

    def test_killed_it_leaves_them_running(self, executor: DockerExecutor, url: str, tmp_path: Path) -> None:
        executor.ensure_running(make_program(tmp_path / "bench", FOREVER))
        with self.served(url, tmp_path / "agent") as process:
            time.sleep(1)
            process.kill()
            process.wait(5)
            assert executor.find_status("bench-1") is ProgramStatus.RUNNING

    def test_a_bench_whose_folder_is_gone_is_removed(
        self, executor: DockerExecutor, url: str, tmp_path: Path
    ) -> None:
        executor.ensure_running(make_program(tmp_path / "bench", FOREVER))
        shutil.rmtree(tmp_path / "bench")
        with self.served(url, tmp_path / "agent"):
            time.sleep(3)
            assert executor.find_status("bench-1") is not None  # The disk with all the data may be away.
        (tmp_path / "agent" / "ledger.sqlite").touch()
        with self.served(url, tmp_path / "agent"):
            wait_until(lambda: executor.find_status("bench-1") is None, SLOW, "it is still there")


class TestConfinement:
    def run(self, executor: DockerExecutor, tmp_path: Path, script: str, **overrides: object) -> str:
        return executor.run_once(
            make_program(tmp_path / "bench", script, **overrides), timeout_seconds=SLOW
        ).strip()

    def test_it_has_no_capabilities_no_network_and_a_root_it_cannot_write_to(
        self, executor: DockerExecutor, tmp_path: Path
    ) -> None:
        script = (
            "grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status; ls /sys/class/net;"
            "touch /usr/x 2>/dev/null && echo wrote; touch /tmp/x here && echo fine; echo $COLOUR; pwd"
        )
        said = self.run(executor, tmp_path, script).splitlines()
        assert said == [
            "CapEff:\t0000000000000000",
            "NoNewPrivs:\t1",
            "lo",
            "fine",
            "bl'ue, 100%",
            str(tmp_path / "bench"),
        ]
        assert (tmp_path / "bench" / "here").exists()

    def test_its_limits_stand_at_the_engine(
        self, executor: DockerExecutor, connection: DockerConnection, tmp_path: Path
    ) -> None:
        executor.ensure_running(make_program(tmp_path / "bench", FOREVER))
        with connection.asking() as client:
            (container,) = client.containers.list(filters={"label": f"{OWNER_LABEL}={tmp_path / 'agent'}"})
        limits = container.attrs["HostConfig"]
        assert (limits["Memory"], limits["MemorySwap"], limits["PidsLimit"]) == (64 * MIB, 64 * MIB, PIDS)
        assert limits["Tmpfs"] == {"/tmp": f"size={TMP_BYTES},mode=1777"}
        assert limits["LogConfig"]["Config"] == {"max-size": LOG_BYTES, "max-file": "2"}
        assert limits["RestartPolicy"]["Name"] == "unless-stopped"

    def test_it_is_the_user_that_the_agent_is(self, url: str, tmp_path: Path) -> None:
        socket = Path(url.removeprefix("unix://"))
        code = (
            "import pathlib, sys; from agent.executors.docker import DockerExecutor; from agent.executors.port import ProgramSpec;"
            "from agent.host.docker_connection import DockerConnection;"
            f"e = DockerExecutor(DockerConnection({url!r}), pathlib.Path('/nowhere'));"
            f"p = ProgramSpec(name='who', argv=('id', '-u'), directory=pathlib.Path('/'), memory_bytes={64 * MIB}, image={BASE_IMAGE!r});"
            "sys.stdout.write(e.run_once(p, timeout_seconds=30))"
        )
        somebody = ("setpriv", "--reuid=65534", f"--regid={socket.stat().st_gid}", "--clear-groups")
        done = subprocess.run(
            (*somebody, sys.executable, "-c", code), cwd=ROOT, capture_output=True, text=True, check=False
        )
        if "Permission denied" in done.stderr:
            pytest.skip("this interpreter cannot be read by another user than root")
        assert done.stdout.strip() == "65534", done.stderr

    def test_what_it_only_reads_it_cannot_change(self, executor: DockerExecutor, tmp_path: Path) -> None:
        shelf = tmp_path / "shelf"
        shelf.mkdir()
        (shelf / "book").write_text("words")
        said = self.run(
            executor, tmp_path, f"cat {shelf}/book; touch {shelf}/new || echo refused", readable=(shelf,)
        )
        assert said == "wordsrefused"

    def test_more_memory_than_its_limit_ends_it_and_is_told_apart(
        self, executor: DockerExecutor, tmp_path: Path
    ) -> None:
        executor.ensure_running(
            make_program(tmp_path / "bench", "x=$(head -c 200000000 /dev/zero | tr '\\0' x)")
        )
        wait_until(
            lambda: "more memory than its limit" in executor.read_log("bench-1"), SLOW, "nobody says why"
        )


class TestTrouble:
    def test_a_command_that_fails_or_hangs_says_what_it_said(
        self, executor: DockerExecutor, tmp_path: Path
    ) -> None:
        for script, seconds, how in (
            ("echo oops >&2; exit 3", SLOW, "status 3"),
            ("echo oops; sleep 60", 1.0, "ran out of time"),
        ):
            with pytest.raises(AgentError) as caught:
                executor.run_once(make_program(tmp_path / "bench", script), timeout_seconds=seconds)
            assert caught.value.code == "command_failed"
            assert "oops" in caught.value.message
            assert how in caught.value.message

    def test_a_missing_image_is_told_apart(self, executor: DockerExecutor, tmp_path: Path) -> None:
        with pytest.raises(AgentError) as caught:
            executor.ensure_running(make_program(tmp_path / "bench", FOREVER, image="press/none:1"))
        assert caught.value.code == "image_missing"

    def test_what_runs_goes_on_when_its_successor_cannot_be_made(
        self, executor: DockerExecutor, tmp_path: Path
    ) -> None:
        executor.ensure_running(make_program(tmp_path / "bench", FOREVER))
        with pytest.raises(AgentError):
            executor.ensure_running(make_program(tmp_path / "bench", FOREVER, image="press/none:1"))
        assert executor.find_status("bench-1") is ProgramStatus.RUNNING

    def test_an_engine_that_does_not_answer_is_told_apart(self, tmp_path: Path) -> None:
        executor = DockerExecutor(DockerConnection(f"unix://{tmp_path}/nobody.sock"), tmp_path)
        with pytest.raises(AgentError) as caught:
            executor.find_status("bench-1")
        assert caught.value.code == "executor_unreachable"

    def test_a_build_that_fails_shows_its_output(self, connection: DockerConnection) -> None:
        said: list[str] = []
        context = {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo working; echo broken >&2; exit 4\n".encode()}
        with pytest.raises(AgentError) as caught:
            DockerImages(connection).build(
                context,
                tag=f"press/test:{uuid.uuid4()}",
                labels={},
                on_line=said.append,
                timeout_seconds=SLOW,
            )
        assert caught.value.code == "image_build_failed"
        assert "broken" in caught.value.message
        assert any("working" in line for line in said)

    @pytest.mark.parametrize("name", ["", "../x", "A", "a b", "a\n"])
    def test_refuses_names_that_lead_elsewhere(
        self, executor: DockerExecutor, tmp_path: Path, name: str
    ) -> None:
        with pytest.raises(AgentError) as caught:
            executor.ensure_running(make_program(tmp_path / "bench", FOREVER, name=name))
        assert caught.value.code == "program_invalid"

    def test_agents_of_one_engine_do_not_touch_each_other(
        self, executor: DockerExecutor, connection: DockerConnection, tmp_path: Path
    ) -> None:
        other = DockerExecutor(connection, tmp_path / "other")
        executor.ensure_running(make_program(tmp_path / "bench", FOREVER))
        assert other.find_status("bench-1") is None
        assert other.ensure_removed("bench-1") is False
        assert executor.find_status("bench-1") is ProgramStatus.RUNNING


class TestImages:
    def build(self, images: DockerImages, kind: str, number: int) -> str:
        tag = f"press/test-{kind}:{number}"
        context = {"Dockerfile": f"FROM {BASE_IMAGE}\nENV NUMBER={number}\n".encode()}
        images.build(
            context, tag=tag, labels={"press.kind": kind}, on_line=lambda _: None, timeout_seconds=SLOW
        )
        return tag

    def test_old_ones_go_but_for_those_that_a_bench_needs(
        self, executor: DockerExecutor, connection: DockerConnection, tmp_path: Path
    ) -> None:
        images, kind = DockerImages(connection), uuid.uuid4().hex
        used, old, newer, newest = [self.build(images, kind, number) for number in range(4)]
        executor.ensure_running(make_program(tmp_path / "bench", FOREVER, image=used))
        assert images.prune(f"press.kind={kind}", keep=2, but="") == [old]
        assert all(images.find(tag) for tag in (used, newer, newest))
        executor.ensure_removed("bench-1")
        assert set(images.prune(f"press.kind={kind}", keep=0, but=newer)) == {used, newest}
        assert images.prune(f"press.kind={kind}", keep=0, but="") == [newer]

    def test_a_tag_that_means_another_image_replaces_what_runs(
        self, executor: DockerExecutor, connection: DockerConnection, tmp_path: Path
    ) -> None:
        images, kind = DockerImages(connection), uuid.uuid4().hex
        program = make_program(tmp_path / "bench", FOREVER, image=self.build(images, kind, 1))
        assert executor.ensure_running(program) is True
        with connection.asking() as client:
            client.images.get(self.build(images, kind, 2)).tag(program.image)
        assert executor.ensure_running(program) is True
        assert executor.ensure_running(program) is False
        executor.ensure_removed("bench-1")
        images.prune(f"press.kind={kind}", keep=0, but="")
