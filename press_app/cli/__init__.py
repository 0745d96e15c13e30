"""The command ``press``: the programs of the control plane, its database, and a client of its API."""

from press_app.cli.main import app, main

__all__ = ["app", "main"]
