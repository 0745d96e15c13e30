"""What is done to a site's database from outside: SQL on one SQLite file."""

import gzip
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import argon2

from agent.engines.errors import BackupUnreadable, SiteUnknown
from agent.engines.port import SiteSpec
from agent.host import files

OWNER_LOGIN = "owner"
"""The user that the template holds for the tenant."""
BUILT_IN = "admin"
BUSY_SECONDS = 30.0
GZIP_MAGIC = b"\x1f\x8b"
COMPANY_PARTY = "(SELECT party FROM company_company ORDER BY id LIMIT 1)"
PEOPLE = "active AND id <> 0"
"""User 0 is the system itself; the built-in admin is closed in every template."""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open for the block; one transaction, committed at its end, rolled back on an error."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection, connection:
        yield connection


def configure(path: Path, site: SiteSpec) -> bool:
    """Give a clone its owner and its company. Returns whether anything had to change."""
    with opened(path) as connection:
        before = connection.total_changes
        user_id = _choose_owner(connection, site.admin_login)
        connection.execute(
            "UPDATE res_user SET login = ?, email = ?, active = 1 WHERE id = ? AND (login, email, active) IS NOT (?, ?, 1)",
            (site.admin_login, site.admin_email, user_id, site.admin_login, site.admin_email),
        )
        _set_password(connection, user_id, site.admin_password)
        connection.execute(
            f"UPDATE party_party SET name = ? WHERE id = {COMPANY_PARTY} AND name IS NOT ?",  # noqa: S608
            (site.company, site.company),
        )
        return connection.total_changes != before


def set_password(path: Path, login: str, password: str) -> bool:
    """Set a user's password and end his sessions. Raises ``site_unknown`` for an unknown login."""
    with opened(path) as connection:
        return _set_password(connection, get_user(connection, login), password)


def get_user(connection: sqlite3.Connection, login: str) -> int:
    """Return the id of an active user."""
    row = connection.execute("SELECT id FROM res_user WHERE login = ? AND active", (login,)).fetchone()
    if row is None:
        raise SiteUnknown(
            f"Nobody called {login!r} is on the site; nothing was changed. Name an active user of it."
        )
    return int(row[0])


def end_sessions(path: Path) -> None:
    with opened(path) as connection:
        connection.execute("DELETE FROM ir_session")


def count_users(path: Path) -> int:
    """Count the enabled people."""
    with opened(path) as connection:
        return int(connection.execute(f"SELECT count(*) FROM res_user WHERE {PEOPLE}").fetchone()[0])  # noqa: S608


def has_data(path: Path) -> bool:
    """Say whether the file is a Tryton database at all."""
    try:
        with opened(path) as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM ir_module WHERE state = 'activated'"
            ).fetchone()
            return bool(count)
    except sqlite3.DatabaseError:
        return False


def write_backup(path: Path, destination: Path) -> None:
    """Copy the database as it is at one moment while it serves, check the copy, compress it."""
    plain = destination.with_name(f".{destination.name}.sqlite")
    packed = destination.with_name(f".{destination.name}.gz")
    try:
        plain.unlink(missing_ok=True)
        with opened(path) as source, closing(sqlite3.connect(plain)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
        check(plain)
        with gzip.GzipFile(packed, "wb", compresslevel=3, mtime=0) as writer, plain.open("rb") as reader:
            while chunk := reader.read(files.CHUNK_BYTES):
                writer.write(chunk)
        files.copy_durably(packed, destination)
    finally:
        plain.unlink(missing_ok=True)
        packed.unlink(missing_ok=True)


def unpack_backup(source: Path, destination: Path) -> None:
    """Bring a backup back into a checked database file at ``destination``. Raises ``backup_unreadable``."""
    try:
        with source.open("rb") as raw:
            is_packed = raw.read(2) == GZIP_MAGIC
        with (
            gzip.open(source) if is_packed else source.open("rb") as reader,
            destination.open("wb") as writer,
        ):
            while chunk := reader.read(files.CHUNK_BYTES):
                writer.write(chunk)
    except (OSError, EOFError) as error:
        destination.unlink(missing_ok=True)
        raise BackupUnreadable(
            "The backup file is damaged. The site was not touched; take another backup."
        ) from error
    try:
        check(destination)
    except BackupUnreadable:
        destination.unlink(missing_ok=True)
        raise


def check(path: Path) -> None:
    """Raise ``backup_unreadable`` unless the file is a whole Tryton database."""
    try:
        with opened(path) as connection:
            verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
            connection.execute("SELECT count(*) FROM res_user, ir_module").fetchone()
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        raise BackupUnreadable(
            f"The file is no whole Tryton database ({verdict}). The site was not touched; take another backup."
        )


def settle(path: Path) -> None:
    """Bring what stands in the write-ahead log into the database file itself."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _choose_owner(connection: sqlite3.Connection, login: str) -> int:
    """Return the user that becomes the site's owner: who has the login already, else the template's."""
    if login == BUILT_IN:
        # Tryton's own commands look for this login, so it is opened for the tenant instead of given to another user.
        connection.execute("UPDATE res_user SET active = 0 WHERE login = ? AND active", (OWNER_LOGIN,))
    row = connection.execute(
        "SELECT id FROM res_user WHERE login IN (?, ?) ORDER BY login = ? DESC", (login, OWNER_LOGIN, login)
    ).fetchone()
    if row is None:
        raise SiteUnknown("The clone has no owner to configure. Drop the site and create it again.")
    return int(row[0])


def _set_password(connection: sqlite3.Connection, user_id: int, password: str) -> bool:
    hasher = argon2.PasswordHasher()
    (known,) = connection.execute("SELECT password_hash FROM res_user WHERE id = ?", (user_id,)).fetchone()
    if known and _is_password(hasher, known, password):
        return False
    connection.execute(
        "UPDATE res_user SET password_hash = ?, write_date = ? WHERE id = ?",
        (hasher.hash(password), datetime.now(tz=UTC).replace(tzinfo=None).isoformat(" "), user_id),
    )
    connection.execute("DELETE FROM ir_session WHERE create_uid = ?", (user_id,))
    return True


def _is_password(hasher: argon2.PasswordHasher, known: str, password: str) -> bool:
    try:
        return hasher.verify(known, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
