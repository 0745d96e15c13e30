"""Somebody in an ERP, whichever it is."""

from typing import Protocol
from urllib.parse import urlsplit

from press_app.cli.demo.frappe import FrappePerson
from press_app.cli.demo.tryton import TrytonPerson
from press_app.cli.demo.visitor import Visitor


class Person(Protocol):
    """What the demo does in an ERP."""

    def add_party(self, name: str) -> object:
        """A new party."""

    def find_parties(self, name: str) -> list[str]:
        """Names of the parties that are called so."""


def log_in_by_link(visitor: Visitor, link: str) -> Person:
    """Open a one-time link, as the page behind it does. The site says by its answer which ERP it is."""
    parts = urlsplit(link)
    visitor.read(parts.path)
    opened = visitor.send("/-/session", {"token": parts.fragment})
    return TrytonPerson(visitor, opened) if "database" in opened else FrappePerson(visitor)
