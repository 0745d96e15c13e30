"""What is looked at before anything is changed."""

import socket
from pathlib import Path

from scripts.stack.checks import (
    find_engine_problem,
    find_network_problem,
    list_name_problems,
    list_taken_ports,
)
from scripts.stack.settings import Stack


def make_stack(**answers: object) -> Stack:
    usual = {"domain": "localhost", "email": "a@example.org", "dns_provider": "none"}
    return Stack(_env_file=None, **{**usual, **answers}).derive()  # type: ignore[arg-type]


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (said,) = list_taken_ports(make_stack(http_port=port))
        assert str(port) in said
    assert list(list_taken_ports(make_stack(http_port=port))) == []


def test_an_engine_that_is_not_there_is_said(tmp_path: Path) -> None:
    problem = find_engine_problem(make_stack(docker_socket=str(tmp_path / "none")))
    assert problem is not None
    assert "docker_socket" in problem


def test_addresses_that_this_machine_has_already_are_refused() -> None:
    problem = find_network_problem(make_stack(network="127.0.0"))
    assert problem is not None
    assert "127.0.0.0/24" in problem
    assert find_network_problem(make_stack(network="10.255.254")) is None


def test_localhost_needs_no_names_and_others_do() -> None:
    assert list(list_name_problems(make_stack())) == []
    (said,) = list_name_problems(make_stack(domain="nobody.invalid"))
    assert "*.nobody.invalid" in said
