"""How a person is proven to be logged in at a Tryton site; all that the demo knows of that engine."""

from collections.abc import Mapping
from typing import Any

from press_app.cli.demo.visitor import Visitor
from press_app.cli.failures import CommandFailed


class TrytonPerson:
    """Somebody with a session; ``opened`` is what the site said when it began."""

    def __init__(self, visitor: Visitor, opened: Mapping[str, Any]) -> None:
        self._visitor = visitor
        self._database = str(opened["database"])
        self._context: dict[str, Any] = {}
        self._context = self._call("model.res.user.get_preferences", True)

    def add_party(self, name: str) -> int:
        """A new party; its id."""
        return int(self._call("model.party.party.create", [{"name": name}])[0])

    def find_parties(self, name: str) -> list[str]:
        """Names of the parties that are called so."""
        domain = [["name", "=", name]]
        found = self._call("model.party.party.search_read", domain, 0, None, None, ["name"])
        return [str(row["name"]) for row in found]

    def _call(self, method: str, *params: object) -> Any:
        call = {"id": 1, "method": method, "params": [*params, self._context]}
        answer = self._visitor.send(f"/{self._database}/rpc/", call)
        if "error" in answer:
            message = f"The ERP refused {method}: {answer['error']}"
            raise CommandFailed(message, code="erp_refused")
        return answer["result"]
