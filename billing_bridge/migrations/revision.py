"""Which revision the program needs and whether the database has it; asked without Alembic, which is 10 MB in a process."""

import sqlalchemy as sa

HEAD = "0002"
VERSIONS = sa.table("alembic_version", sa.column("version_num", sa.String))


def find_schema_problem(engine: sa.Engine) -> str | None:
    """Why the database cannot be used as it is; None when it can. Raises what the database raises."""
    with engine.connect() as connection:
        current = None
        if sa.inspect(connection).has_table(VERSIONS.name):
            current = connection.scalar(sa.select(VERSIONS.c.version_num))
    if current == HEAD:
        return None
    return f"The schema is {current or 'empty'}, the program needs {HEAD}: run 'press-bridge db upgrade'."
