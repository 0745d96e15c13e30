"""What is done to a site's database from outside: SQL on one SQLite file."""

import errno
import gzip
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import argon2

from agent.engines.errors import BackupUnreadable, SiteDataUnreadable, SiteUnknown
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
DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
"""What SQLite says of a file that is no database, is damaged or lacks tables; never of a full disk or a lock."""
UNREADABLE = {
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
    sqlite3.SQLITE_IOERR_DATA,
}


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open for the block, never made anew; one transaction, committed at its end, rolled back on an error."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection, connection:
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
        if not site.keeps_password:
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
    """End all sessions; a damaged database has none that anybody could use."""
    try:
        with opened(path) as connection:
            connection.execute("DELETE FROM ir_session")
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise


def count_users(path: Path) -> int:
    """Count the enabled people."""
    with opened(path) as connection:
        return int(connection.execute(f"SELECT count(*) FROM res_user WHERE {PEOPLE}").fetchone()[0])  # noqa: S608


def list_modules(path: Path) -> list[str]:
    """Return the active modules. Raises ``site_data_unreadable``."""
    try:
        with opened(path) as connection:
            rows = connection.execute("SELECT name FROM ir_module WHERE state = 'activated'")
            return [name for (name,) in rows]
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise _blame_host(error) from error
        raise _unreadable(str(error)) from error


def read_release(path: Path) -> int:
    """Return what the file's head says about the release of its data; 0 where it says nothing."""
    with opened(path) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def stop_jobs(path: Path) -> bool:
    """Switch all recurring jobs off. Returns whether there was one."""
    with opened(path) as connection:
        return connection.execute("UPDATE ir_cron SET active = 0 WHERE active").rowcount > 0


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
    """Copy the database as it is at one moment while it serves, check the copy, compress it.

    Raises ``site_data_unreadable``, and ``OSError`` when it is not the database that is to blame.
    """
    plain = destination.with_name(f".{destination.name}.sqlite")
    packed = destination.with_name(f".{destination.name}.gz")
    try:
        plain.unlink(missing_ok=True)
        copy(path, plain)
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
        _unpack(source, destination)
        check(destination)
    except BaseException:
        destination.unlink(missing_ok=True)
        raise


def _unpack(source: Path, destination: Path) -> None:
    try:
        with source.open("rb") as raw:
            is_packed = raw.read(2) == GZIP_MAGIC
        with (
            gzip.open(source) if is_packed else source.open("rb") as reader,
            destination.open("wb") as writer,
        ):
            while chunk := reader.read(files.CHUNK_BYTES):
                writer.write(chunk)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BackupUnreadable(
            "The backup file is damaged. The site was not touched; take another backup."
        ) from error


def check(path: Path) -> None:
    """Raise ``backup_unreadable`` unless the file is a whole Tryton database."""
    verdict = _judge(path)
    if verdict != "ok":
        raise BackupUnreadable(
            f"The file is no whole Tryton database ({verdict}). The site was not touched; take another backup."
        )


def settle(path: Path) -> None:
    """Bring what stands in the write-ahead log into the database file itself; a damaged one stays as it is."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise


def copy(path: Path, plain: Path) -> None:
    """Copy the database as it is at one moment into one checked file. Raises ``site_data_unreadable``."""
    if not path.exists():
        raise _unreadable("its file is missing")
    try:
        with opened(path) as source, closing(sqlite3.connect(plain)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise _blame_host(error) from error
        raise _unreadable(str(error)) from error
    verdict = _judge(plain)
    if verdict != "ok":
        raise _unreadable(verdict)


def _judge(path: Path) -> str:
    """Return ``ok`` for a whole Tryton database, else what is wrong with the file."""
    try:
        with opened(path) as connection:
            verdict = str(connection.execute("PRAGMA quick_check").fetchone()[0])
            connection.execute("SELECT count(*) FROM res_user, ir_module").fetchone()
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise _blame_host(error) from error
        return str(error)
    return verdict


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = error.sqlite_errorcode
    return code & 0xFF in DAMAGE or code in UNREADABLE


def _blame_host(error: sqlite3.DatabaseError) -> OSError:
    is_full = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL
    return OSError(errno.ENOSPC if is_full else errno.EIO, str(error))


def _unreadable(why: str) -> SiteDataUnreadable:
    return SiteDataUnreadable(
        f"The site's database cannot be read ({why}). It was left as it is; restore the site from a backup."
    )


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
