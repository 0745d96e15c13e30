"""What the fake engine knows: apps, settings, places."""

import zoneinfo
from collections.abc import Iterable, Mapping

from agent.engines.errors import AppNeeded, AppUnknown, ConfigRefused, LocaleUnknown
from agent.engines.port import ConfigValue, Locale

APPS = ("base", "crm", "hr")
CONFIG: dict[str, type] = {"greeting": str, "max_records": int, "read_only": bool}
"""What a site says at its front door, how many records it takes, whether it takes any."""
NOWHERE = "ZZ"
"""No country, currency or language begins with it."""


def check_apps(apps: Iterable[str]) -> tuple[str, ...]:
    """Return the apps in a fixed order. Raises ``app_unknown``."""
    wanted = set(apps)
    unknown = sorted(wanted - set(APPS))
    if unknown:
        raise AppUnknown(
            f"The release has no app {', '.join(unknown)}; it has {', '.join(APPS)}. Nothing was changed; correct the plan."
        )
    return tuple(app for app in APPS if app in wanted)


def check_base(apps: Iterable[str]) -> None:
    """Raise ``app_needed`` unless ``base`` stays."""
    if "base" not in apps:
        raise AppNeeded("base cannot be removed: all other apps need it. Nothing was changed; name it, too.")


def check_config(config: Mapping[str, ConfigValue]) -> None:
    """Raise ``config_refused`` for a key or value that a fake site does not take."""
    for key, value in config.items():
        if key not in CONFIG or type(value) is not CONFIG[key]:
            offered = ", ".join(f"{name} ({kind.__name__})" for name, kind in CONFIG.items())
            raise ConfigRefused(
                f"A site does not take {key} = {value!r}; it takes {offered}. Nothing was changed."
            )


def check_locale(locale: Locale) -> None:
    """Raise ``locale_unknown`` for a place that does not exist."""
    words = (locale.country, locale.currency, locale.language)
    wrong = [word for word in words if word.upper().startswith(NOWHERE)]
    if locale.time_zone not in zoneinfo.available_timezones():
        wrong.append(locale.time_zone)
    if wrong:
        raise LocaleUnknown(
            f"Nobody knows {', '.join(wrong)}. Nothing was made; correct the country's settings."
        )
