"""Passwords as Frappe reads them."""

import pytest

from agent.engines.frappe.passwords import hash_password, is_password

MADE_BY_PASSLIB = "$pbkdf2-sha256$29000$x9j7f691bi3FeO99zzkHIA$Wbw5B5lzzOgE1cYVIMnsQh7D2Cbn4E3yMPF7DHOGtSE"
"""``passlib.hash.pbkdf2_sha256.hash("password")``, an example with the library's own rounds."""


def test_a_hash_is_the_passwords_alone() -> None:
    known = hash_password("correct horse")
    assert is_password("correct horse", known)
    assert not is_password("Correct horse", known)
    assert known != hash_password("correct horse")
    assert known.startswith("$pbkdf2-sha256$29000$")
    assert "=" not in known
    assert "+" not in known


@pytest.mark.parametrize(
    "known", ["", "nonsense", "$argon2id$v=19$m=1$a$b", "$pbkdf2-sha256$x$y$z", "$pbkdf2-sha256$1$!$?"]
)
def test_what_is_no_such_hash_is_nobodys(known: str) -> None:
    assert not is_password("anything", known)
