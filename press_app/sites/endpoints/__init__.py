"""HTTP doors of the sites."""

from fastapi import APIRouter

from press_app.sites.endpoints import changes, logins, sites

router = APIRouter()
for part in (sites, changes, logins):
    router.include_router(part.router)
