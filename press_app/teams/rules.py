"""Rules of teams that need no database: roles, e-mail addresses, passwords."""

import re
from enum import StrEnum

from press_app.teams.errors import EmailInvalid, PasswordWeak

MIN_PASSWORD = 10
MAX_PASSWORD = 200
MAX_EMAIL = 190
_EMAIL = re.compile(r"[^@\s\x00-\x1f,:;<>\\\"()]+@[^@\s\x00-\x1f,:;<>\\\"()]+\.[^@\s\x00-\x1f,:;<>\\\"().]+")


class Role(StrEnum):
    """What somebody is in a team, from the most to the least powerful."""

    OWNER = "owner"
    ADMIN = "admin"
    DEVELOPER = "developer"
    BILLING = "billing"
    VIEWER = "viewer"


def normalise_email(text: str) -> str:
    """The address as it is stored: trimmed, lower case. Raises :class:`EmailInvalid`."""
    email = text.strip().lower()
    if len(email) > MAX_EMAIL or not _EMAIL.fullmatch(email):
        message = "This is no e-mail address. Nothing was changed. Write it as name@example.org."
        raise EmailInvalid(message)
    return email


def check_new_password(password: str, email: str) -> None:
    """Refuse what is guessed first. Raises :class:`PasswordWeak`."""
    name = email.partition("@")[0]
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        message = f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters. Nothing was changed."
        raise PasswordWeak(message)
    if len(set(password)) < MIN_PASSWORD // 2 or password.lower() in {email, name, f"{name}{name}"}:
        message = "This password is easily guessed. Nothing was changed. Choose some words that nobody expects together."
        raise PasswordWeak(message)
