"""How a person is proven to be logged in at a Frappe site; all that the demo knows of that engine."""

import json
from urllib.parse import urlencode

from press_app.cli.demo.visitor import Visitor


class FrappePerson:
    """Somebody with a session. His parties are contacts: every Frappe has them, with ERPNext or without."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor

    def add_party(self, name: str) -> None:
        """A new party."""
        self._visitor.send("/api/resource/Contact", {"first_name": name})

    def find_parties(self, name: str) -> list[str]:
        """Names of the parties that are called so."""
        query = {"filters": json.dumps([["first_name", "=", name]]), "fields": json.dumps(["first_name"])}
        found = json.loads(self._visitor.read(f"/api/resource/Contact?{urlencode(query)}"))
        return [str(row["first_name"]) for row in found["data"]]
