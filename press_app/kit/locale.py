"""Where a company is at home: its country, currency, language and time zone."""

import re
from dataclasses import asdict, dataclass
from typing import Self
from zoneinfo import ZoneInfo

COUNTRY = r"^[A-Z]{2}$"
CURRENCY = r"^[A-Z]{3}$"
LANGUAGE = r"^[a-z]{2,3}(-[A-Z]{2})?$"
TIME_ZONE = r"^[A-Za-z]+([/_+-][A-Za-z0-9]+)*$"
MAX_TIME_ZONE = 64
PATTERNS = {"country": COUNTRY, "currency": CURRENCY, "language": LANGUAGE, "time_zone": TIME_ZONE}
"""As docs/contracts/agent.md has them."""


@dataclass(frozen=True)
class Locale:
    """Without a word it is the one of the contract with the agents."""

    country: str = "US"
    """ISO 3166 alpha-2."""
    currency: str = "USD"
    """ISO 4217."""
    language: str = "en"
    """ISO 639-1, with a region where it matters: ``pt-BR``."""
    time_zone: str = "America/New_York"
    """IANA's name."""

    @property
    def key(self) -> str:
        """All of it in one word: ``DE/EUR/de/Europe/Berlin``."""
        return f"{self.country}/{self.currency}/{self.language}/{self.time_zone}"

    @classmethod
    def parse(cls, key: str) -> Self:
        """Read a :attr:`key`."""
        return cls(*key.split("/", 3))

    def as_json(self) -> dict[str, str]:
        return asdict(self)


CONTRACTS_OWN = Locale()
"""What agents take where none is named; it is left out, because those of an earlier version know no such word."""


def name_if_other(locale: Locale) -> dict[str, dict[str, str]]:
    """``locale`` as a parameter of an operation."""
    return {} if locale == CONTRACTS_OWN else {"locale": locale.as_json()}


def is_word(part: str, text: str) -> bool:
    """Whether the text can be this part of a locale."""
    return re.search(PATTERNS[part], text) is not None and (part != "time_zone" or is_time_zone(text))


def check_time_zone(name: str) -> str:
    """The name. Raises ``ValueError`` where there is no such zone."""
    if not is_time_zone(name):
        message = f"there is no time zone {name}"
        raise ValueError(message)
    return name


def is_time_zone(name: str) -> bool:
    """Whether this machine knows such a time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
