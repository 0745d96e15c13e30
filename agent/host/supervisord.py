"""Talks to our supervisord over its unix socket."""

import http.client
import xmlrpc.client
from pathlib import Path
from typing import Any, ClassVar

from supervisor.xmlrpc import Faults, SupervisorTransport

from agent.errors import AgentError

GONE = (Faults.BAD_NAME,)


class ExecutorUnreachable(AgentError):
    """The supervisor of the benches does not answer."""

    code: ClassVar[str] = "executor_unreachable"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "The benches' supervisor does not answer"


class SupervisorClient:
    """The few calls that we need; each opens a connection of its own, so threads may share the client."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def reload(self) -> tuple[set[str], set[str]]:
        """Let it read its files again. Returns the names that are new or changed, and those that vanished."""
        try:
            ((added, changed, removed),) = self._call("reloadConfig")
        except xmlrpc.client.Fault as fault:
            raise _refused("reloadConfig", fault) from fault
        return {*added, *changed}, set(removed)

    def remove(self, name: str) -> bool:
        """Stop a program and forget it. Returns whether it was known."""
        if not self._try("stopProcessGroup", name):
            return False
        return self._try("removeProcessGroup", name)

    def add(self, name: str) -> None:
        """Take up a program from its file and start it."""
        self._try("addProcessGroup", name, expected=(Faults.ALREADY_ADDED,))

    def start(self, name: str) -> None:
        """Start a stopped program without waiting for it."""
        self._try("startProcess", name, False, expected=(Faults.ALREADY_STARTED, Faults.SPAWN_ERROR))

    def find_info(self, name: str) -> dict[str, Any] | None:
        """Return what it knows of a program, or None."""
        try:
            info: dict[str, Any] = self._call("getProcessInfo", name)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == Faults.BAD_NAME:
                return None
            raise
        return info

    def _try(self, method: str, *arguments: object, expected: tuple[int, ...] = GONE) -> bool:
        try:
            self._call(method, *arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in expected:
                return False
            raise _refused(method, fault) from fault
        return True

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise ExecutorUnreachable(
                "The benches' supervisor does not answer; nothing was changed. Start it with `press-agent run benches`."
            ) from error
        finally:
            transport.close()


def _refused(method: str, fault: xmlrpc.client.Fault) -> ExecutorUnreachable:
    return ExecutorUnreachable(
        f"The benches' supervisor refused {method}: {fault.faultString}. What ran before still runs; repair and send again."
    )
