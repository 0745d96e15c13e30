"""HTTP doors of the sites."""

from fastapi import APIRouter

from press_app.sites.endpoints import changes, database, logins, sites

router = APIRouter()
for part in (sites, changes, logins, database):
    router.include_router(part.router)
