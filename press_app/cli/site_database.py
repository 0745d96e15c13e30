"""``press site database``: what a site asks of a database server that it shares with others."""

import typer

from press_app.cli.connection import connect
from press_app.cli.output import Json, show
from press_app.cli.site_lookup import SiteRef, get_site


def read_stats(ctx: typer.Context, ref: SiteRef, *, as_json: Json = False) -> None:
    """Say how long the database server worked for a site, and how many of its queries were slow."""
    api = connect(ctx)
    site = get_site(api, ref)
    found = api.get(f"/v1/sites/{site['id']}/database")
    if found["busy_seconds"] is None:
        sentence = f"{site['name']} shares no database server, or that server counts nothing."
    else:
        sentence = (
            f"The server worked {found['busy_seconds']:.1f} s for {site['name']} since it was started, and read {found['rows_read']} "
            f"rows. {found['slow_queries']} queries took longer than a second since the last night"
            + (f", the slowest {found['slowest_seconds']:.1f} s." if found["slow_queries"] else ".")
        )
    show(found, as_json=as_json, sentence=sentence)
