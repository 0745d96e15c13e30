"""What can be set for one Tryton site; everything else is Tryton's own configuration, which is the whole bench's."""

from collections.abc import Mapping

from agent.engines.errors import ConfigRefused
from agent.engines.port import ConfigValue

BOUNDS = {"session_idle_minutes": (1, 43_200), "password_length": (8, 128)}
"""After how long without a request people must log in again (never, where nothing is said), and how long new passwords
must be at least (8, likewise). All are whole numbers."""


def check(config: Mapping[str, ConfigValue]) -> None:
    """Raise ``config_refused`` for what a site does not take."""
    for key, value in config.items():
        low, high = BOUNDS.get(key, (1, 0))
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            offered = ", ".join(f"{name} ({first} to {last})" for name, (first, last) in BOUNDS.items())
            raise ConfigRefused(
                f"A Tryton site does not take {key} = {value!r}; it takes {offered}. Nothing was changed; all else is set in the "
                "site itself."
            )
