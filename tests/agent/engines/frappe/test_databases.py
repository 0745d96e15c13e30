"""What is done to databases, on a real server: clones are whole, and a tenant reaches his own."""

import json
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pymysql
import pytest

from agent.engines.errors import SiteUnknown
from agent.engines.frappe import identity
from agent.engines.frappe.databases import MAX_CONNECTIONS, Databases
from agent.engines.frappe.layout import DatabaseRecord
from agent.engines.port import SiteSpec
from agent.errors import AgentError
from agent.host.mariadb import DatabaseDamaged, DatabaseRefused, DatabaseUnreachable, MariaDB, fetch_all

pytestmark = pytest.mark.mariadb
COMPANY = 'Müller & Söhne "GmbH" O\'Neill\\'
SCHEMA = (
    "CREATE TABLE tabUser (name VARCHAR(140) PRIMARY KEY, username VARCHAR(140), enabled INT, user_type VARCHAR(40))",
    "CREATE TABLE tabDocType (name VARCHAR(140) PRIMARY KEY)",
    "CREATE TABLE tabCompany (name VARCHAR(140) PRIMARY KEY, abbr VARCHAR(40), settings LONGTEXT)",
    "CREATE TABLE tabSessions (user VARCHAR(140), sid VARCHAR(140))",
    (
        "CREATE TABLE __Auth (doctype VARCHAR(140), name VARCHAR(140), fieldname VARCHAR(140), password TEXT, encrypted INT, "
        "PRIMARY KEY (doctype, name, fieldname))"
    ),
    "CREATE TABLE __press (name VARCHAR(64) PRIMARY KEY, value LONGTEXT) ENGINE=InnoDB",
    "CREATE TABLE __global_search (content TEXT, FULLTEXT(content)) ENGINE=MyISAM",
    "CREATE SEQUENCE error_log_id_seq START WITH 41 CACHE 10",
    "SELECT NEXTVAL(error_log_id_seq)",
    "CREATE TABLE tabSingles (doctype VARCHAR(140), field VARCHAR(140), value TEXT)",
    "INSERT INTO tabSingles VALUES ('System Settings', 'time_zone', 'Asia/Kolkata')",
    "CREATE TABLE `tabScheduled Job Type` (name VARCHAR(140) PRIMARY KEY, last_execution DATETIME(6))",
    "INSERT INTO `tabScheduled Job Type` VALUES ('daily', '2020-01-01')",
    "INSERT INTO tabUser VALUES ('zqx@zqx.invalid', 'zqxlogin', 1, 'System User'), ('Guest', 'guest', 1, 'Website User')",
    "INSERT INTO tabDocType VALUES ('User')",
    "INSERT INTO tabCompany VALUES ('Zqx', 'ZQ', '{\"company\": \"Zqx\"}')",
    "INSERT INTO __global_search VALUES ('Zqx')",
)
PLACES = [
    ["tabUser", "name", False],
    ["tabUser", "username", False],
    ["tabCompany", "name", False],
    ["tabCompany", "abbr", False],
    ["tabCompany", "settings", True],
    ["__global_search", "content", False],
]


@pytest.fixture
def template(databases: Databases) -> DatabaseRecord:
    databases.drop_all("ttest")
    record = databases.make("ttest")
    with databases.opened(record) as cursor:
        for statement in SCHEMA:
            cursor.execute(statement)
        known = {
            "company": "Zqx",
            "abbr": "ZQ",
            "email": "zqx@zqx.invalid",
            "name": "Zqn",
            "login": "zqxlogin",
        }
        for name, value in {**known, "places": json.dumps(PLACES)}.items():
            cursor.execute("INSERT INTO __press VALUES (%s, %s)", (name, value))
    return record


@pytest.fixture
def clone(databases: Databases, template: DatabaseRecord) -> DatabaseRecord:
    databases.drop_all("sone")
    record = databases.make("sone")
    databases.copy(template.database, record.database)
    return record


def make_site(**overrides: object) -> SiteSpec:
    site = SiteSpec(
        bench_id="b",
        site_id="s",
        hostname="s.localhost",
        apps=("base",),
        admin_login="ada",
        admin_email="Ada@example.com",
        admin_password="first",
        company=COMPANY,
    )
    return replace(site, **overrides)  # type: ignore[arg-type]


def describe(databases: Databases, record: DatabaseRecord) -> list[tuple[str, str, int | None]]:
    """Each table's name, engine and checksum of its rows."""
    with databases.opened(record) as cursor:
        tables = fetch_all(
            cursor,
            "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1",
        )
        return [
            (
                name,
                engine,
                None if name.endswith("_seq") else fetch_all(cursor, f"CHECKSUM TABLE `{name}`")[0][1],
            )
            for name, engine in tables
        ]


class TestCopy:
    def test_every_table_engine_and_row_is_there(
        self, databases: Databases, template: DatabaseRecord, clone: DatabaseRecord
    ) -> None:
        assert len(describe(databases, template)) == 10
        assert describe(databases, clone) == describe(databases, template)

    def test_a_sequence_goes_on_where_the_other_stood(
        self, databases: Databases, clone: DatabaseRecord
    ) -> None:
        with databases.opened(clone) as cursor:
            assert fetch_all(cursor, "SELECT NEXTVAL(error_log_id_seq)") == [(51,)]

    def test_recurring_jobs_count_from_now_in_the_sites_own_time(
        self, databases: Databases, clone: DatabaseRecord
    ) -> None:
        databases.calm(clone)
        with databases.opened(clone) as cursor:
            [(stamp,)] = fetch_all(cursor, "SELECT last_execution FROM `tabScheduled Job Type`")
        here = datetime.now(tz=ZoneInfo("Asia/Kolkata")).replace(tzinfo=None)
        assert abs((here - stamp).total_seconds()) < 60

    def test_a_template_that_is_gone_makes_no_empty_site(
        self, databases: Databases, clone: DatabaseRecord
    ) -> None:
        with pytest.raises(DatabaseDamaged, match="empty or gone"):
            databases.copy("nothing_of_that_name", clone.database)


class TestAdopt:
    def test_everything_is_the_tenants_and_again_nothing_changes(
        self, databases: Databases, clone: DatabaseRecord
    ) -> None:
        with databases.opened(clone) as cursor:
            assert identity.adopt(cursor, make_site())
        with databases.opened(clone) as cursor:
            assert not identity.adopt(cursor, make_site())
            [(name, abbr, settings)] = fetch_all(cursor, "SELECT name, abbr, settings FROM tabCompany")
            assert (name, abbr, json.loads(settings)) == (COMPANY, "MSGON", {"company": COMPANY})
            assert fetch_all(cursor, "SELECT content FROM __global_search") == [(COMPANY,)]
            assert identity.find_user(cursor, "ada") == "ada@example.com"
            assert identity.count_users(cursor) == 1

    def test_a_spare_becomes_its_tenants(self, databases: Databases, clone: DatabaseRecord) -> None:
        with databases.opened(clone) as cursor:
            identity.adopt(cursor, make_site(company="Spare", admin_email="x@nobody.invalid", is_spare=True))

        with databases.opened(clone) as cursor:
            assert identity.adopt(cursor, make_site(keeps_password=True))
            assert fetch_all(cursor, "SELECT name FROM tabCompany") == [(COMPANY,)]
            assert not identity.set_password(cursor, "ada@example.com", "first")
            assert identity.find_user(cursor, "Ada@example.com") == "ada@example.com"

    def test_a_new_password_ends_sessions_and_the_same_one_does_not(
        self, databases: Databases, clone: DatabaseRecord
    ) -> None:
        with databases.opened(clone) as cursor:
            identity.adopt(cursor, make_site())
            cursor.execute("INSERT INTO tabSessions VALUES ('ada@example.com', 'sid')")
            assert not identity.set_password(cursor, "ada@example.com", "first")
            assert len(fetch_all(cursor, "SELECT sid FROM tabSessions")) == 1
            assert identity.set_password(cursor, "ada@example.com", "second")
            assert fetch_all(cursor, "SELECT sid FROM tabSessions") == []

    def test_names_that_frappe_cannot_hold(self, databases: Databases, clone: DatabaseRecord) -> None:
        with pytest.raises(identity.NameTooLong), databases.opened(clone) as cursor:
            identity.adopt(cursor, make_site(admin_email=f"{'a' * 130}@example.com"))
        with databases.opened(clone) as cursor:
            identity.adopt(cursor, make_site(company="C" * 190))
            assert fetch_all(cursor, "SELECT LENGTH(name) FROM tabCompany") == [(140,)]

    def test_nobody_of_that_name_is_said_so(self, databases: Databases, clone: DatabaseRecord) -> None:
        with pytest.raises(SiteUnknown, match="Nobody called 'bob'"), databases.opened(clone) as cursor:
            identity.find_user(cursor, "bob")


class TestTraps:
    """What a tenant leaves in his database for whoever looks with more rights."""

    def test_a_view_with_the_rights_of_who_looks_gets_nothing(
        self, databases: Databases, template: DatabaseRecord, clone: DatabaseRecord
    ) -> None:
        own = pymysql.connect(
            unix_socket=str(databases.server.socket),
            user=clone.database,
            password=clone.password,
            database=clone.database,
        )
        with own, own.cursor() as cursor:
            cursor.execute("DROP TABLE tabUser")
            cursor.execute("CREATE TABLE loot (text LONGTEXT)")
            cursor.execute(
                "CREATE FUNCTION steal() RETURNS INT SQL SECURITY INVOKER MODIFIES SQL DATA "
                f"BEGIN INSERT INTO loot SELECT name FROM {template.database}.tabUser; RETURN 1; END"
            )
            cursor.execute(
                "CREATE SQL SECURITY INVOKER VIEW tabUser AS SELECT 'x' AS name, steal() AS enabled, "
                "'x' AS username, 'System User' AS user_type"
            )
            own.commit()
            assert not databases.has_data(clone)
            databases.measure(clone)
            databases.stands(clone.database)
            with pytest.raises(DatabaseRefused), databases.opened(clone) as looked:
                identity.count_users(looked)
            cursor.execute("SELECT COUNT(*) FROM loot")
            assert cursor.fetchall() == ((0,),)

    def test_a_lock_does_not_hold_the_agent(self, databases: Databases, clone: DatabaseRecord) -> None:
        own = pymysql.connect(
            unix_socket=str(databases.server.socket),
            user=clone.database,
            password=clone.password,
            database=clone.database,
        )
        with own, own.cursor() as cursor:
            cursor.execute("LOCK TABLES tabUser WRITE")
            began = time.monotonic()
            assert not databases.has_data(clone)
            assert time.monotonic() - began < 40

    def test_who_uses_up_his_connections_loses_them(
        self, databases: Databases, clone: DatabaseRecord
    ) -> None:
        held = [
            pymysql.connect(
                unix_socket=str(databases.server.socket), user=clone.database, password=clone.password
            )
            for _ in range(MAX_CONNECTIONS)
        ]
        assert databases.has_data(clone)
        for connection in held:
            connection.close()

    def test_an_underscore_is_no_wildcard(self, databases: Databases, clone: DatabaseRecord) -> None:
        own = pymysql.connect(
            unix_socket=str(databases.server.socket), user=clone.database, password=clone.password
        )
        with own, own.cursor() as cursor, pytest.raises(pymysql.MySQLError):
            cursor.execute(f"CREATE DATABASE {clone.database.replace('_', 'x')}")


class TestRights:
    def test_a_tenant_reaches_his_own_database_and_no_other(
        self, databases: Databases, template: DatabaseRecord, clone: DatabaseRecord
    ) -> None:
        own = pymysql.connect(
            unix_socket=str(databases.server.socket), user=clone.database, password=clone.password
        )
        with own, own.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {clone.database}.tabUser")
            for forbidden in (
                f"SELECT * FROM {template.database}.tabUser",
                "SELECT * FROM mysql.global_priv",
                "CREATE DATABASE stolen",
                "SELECT 1 INTO OUTFILE '/tmp/stolen'",
                f"GRANT ALL ON {clone.database}.* TO somebody@localhost",
            ):
                with pytest.raises(pymysql.MySQLError):
                    cursor.execute(forbidden)
            cursor.execute("SHOW GRANTS")
            assert f"MAX_USER_CONNECTIONS {MAX_CONNECTIONS}" in cursor.fetchall()[0][0]

    def test_who_somebody_is_says_his_password_never_his_uid(self, databases: Databases) -> None:
        for user in ("press", "root", "mysql"):
            with pytest.raises(pymysql.MySQLError):
                pymysql.connect(unix_socket=str(databases.server.socket), user=user, password="")


class TestUse:
    def test_what_is_slow_is_counted_for_its_tenant_alone(self, databases: Databases) -> None:
        busy, idle = databases.make("sbusy"), databases.make("sidle")
        with databases.opened(busy) as cursor:
            cursor.execute("SELECT SLEEP(1.2)")
        with databases.opened(idle) as cursor:
            cursor.execute("SELECT 1")
        used, unused = databases.measure_use(busy), databases.measure_use(idle)
        assert used is not None
        assert unused is not None
        assert (used.slow_queries, unused.slow_queries) == (1, 0)
        assert used.slowest_seconds >= 1
        assert used.busy_seconds > unused.busy_seconds
        databases.drop_all("sbusy")
        databases.drop_all("sidle")

    def test_what_was_slow_is_forgotten_each_day(self, databases: Databases) -> None:
        with databases.server.connected() as cursor:
            [(status, interval)] = fetch_all(
                cursor,
                "SELECT status, CONCAT(interval_value, ' ', interval_field) FROM information_schema.events "
                "WHERE event_name = 'press_forget_slow'",
            )
        assert (status, interval) == ("ENABLED", "1 DAY")


class TestDrop:
    def test_all_but_one_go_with_their_users(self, databases: Databases) -> None:
        databases.drop_all("sdrop")
        kept, gone = databases.make("sdrop"), databases.make("sdrop")
        neighbour = databases.make("sdropper")
        assert databases.drop_all("sdrop", but=kept)
        with databases.server.connected() as cursor:
            left = {name for (name,) in fetch_all(cursor, "SHOW DATABASES")}
            users = {name for (name,) in fetch_all(cursor, "SELECT user FROM mysql.user")}
        assert {kept.database, neighbour.database} <= left & users
        assert gone.database not in left | users
        assert databases.drop_all("sdrop")
        assert not databases.drop_all("sdrop")

    def test_who_uses_it_does_not_hold_it_up(self, databases: Databases, clone: DatabaseRecord) -> None:
        own = pymysql.connect(
            unix_socket=str(databases.server.socket),
            user=clone.database,
            password=clone.password,
            database=clone.database,
        )
        with closing(own), own.cursor() as cursor:
            cursor.execute("SELECT * FROM tabUser FOR UPDATE")
            assert databases.drop_all("sone")
            with pytest.raises(pymysql.MySQLError):
                cursor.execute("SELECT 1")


class TestErrors:
    def test_each_is_told_apart(self, databases: Databases, clone: DatabaseRecord) -> None:
        with pytest.raises(DatabaseDamaged), databases.opened(clone) as cursor:
            cursor.execute("SELECT * FROM tabNothing")
        with pytest.raises(DatabaseRefused, match="refused a statement"), databases.opened(clone) as cursor:
            cursor.execute("SELEC")
        nowhere = MariaDB(
            databases.server.socket.with_name("nowhere"),
            "press",
            databases.server.socket.parent.parent / "password",
        )
        with pytest.raises(AgentError) as caught, nowhere.connected():
            pass
        assert caught.type is DatabaseUnreachable

    def test_a_failure_rolls_back(self, databases: Databases, clone: DatabaseRecord) -> None:
        def lose_everything() -> None:
            with databases.opened(clone) as cursor:
                cursor.execute("DELETE FROM tabUser")
                cursor.execute("SELEC")

        with pytest.raises(DatabaseRefused):
            lose_everything()
        with databases.opened(clone) as cursor:
            assert len(fetch_all(cursor, "SELECT name FROM tabUser")) == 2
