"""Finding the site that a command means, by id or by name."""

import uuid
from typing import Annotated, Any

import typer

from press_app.cli.api_client import Api
from press_app.cli.failures import CommandFailed

SiteRef = Annotated[str, typer.Argument(metavar="SITE", help="Name, hostname or id of the site.")]
GONE = "purged"


def get_site(api: Api, ref: str) -> dict[str, Any]:
    """The one site that ``ref`` means. Raises :class:`CommandFailed` for none and for several."""
    if is_id(ref):
        site: dict[str, Any] = api.get(f"/v1/sites/{ref}")
        return site
    found = api.list_all("/v1/sites", name=ref.partition(".")[0])
    if "." in ref:
        found = [site for site in found if site["hostname"] == ref]
    living = [site for site in found if site["status"] != GONE] or found
    if not living:
        message = f"There is no site {ref}. 'press site list' names them."
        raise CommandFailed(message, code="site_unknown")
    if len(living) > 1:
        ids = ", ".join(site["id"] for site in living)
        message = f"Several sites are called {ref}: {ids}. Nothing was done. Say which by its id."
        raise CommandFailed(message, code="site_ambiguous")
    return living[0]


def is_id(text: str) -> bool:
    """Whether this is an id and no name."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
