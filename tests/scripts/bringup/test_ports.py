"""Ports: chosen once, kept, and refused with the name of who has them."""

import os
import socket
from collections.abc import Iterator

import pytest

from scripts.bringup.errors import UpError
from scripts.bringup.ports import WANTED, choose_ports, find_holder, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def find_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class TestChoosePorts:
    def test_every_program_gets_a_port_of_its_own(self) -> None:
        ports = choose_ports({}, {})
        assert ports.keys() == WANTED.keys()
        assert len(set(ports.values())) == len(ports)
        assert all(is_free(port) for port in ports.values())

    def test_what_was_used_before_is_used_again(self) -> None:
        port = find_free()
        assert choose_ports({"edge": port}, {})["edge"] == port

    def test_what_is_asked_for_wins(self, taken: int) -> None:
        port = find_free()
        assert choose_ports({"edge": taken}, {"edge": port})["edge"] == port

    def test_an_asked_port_is_given_to_nobody_else(self) -> None:
        first = choose_ports({}, {})["edge"]
        ports = choose_ports({}, {"redis": first})
        assert ports["redis"] == first
        assert ports["edge"] != first

    @pytest.mark.parametrize("asked", [True, False])
    def test_a_taken_port_names_its_holder(self, taken: int, asked: bool) -> None:
        chosen = {"edge": taken}
        with pytest.raises(UpError) as refused:
            choose_ports({} if asked else chosen, chosen if asked else {})
        assert f"port {taken}" in refused.value.message
        assert f"(pid {os.getpid()})" in refused.value.message

    def test_the_benches_find_their_own_way(self, taken: int) -> None:
        assert choose_ports({"benches": taken}, {})["benches"] == taken


class TestFindHolder:
    def test_nobody_listens_on_a_free_port(self) -> None:
        assert find_holder(find_free()) is None

    def test_a_port_that_cannot_be_is_not_free(self) -> None:
        assert is_free(70_000) is False
