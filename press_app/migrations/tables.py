"""All tables of the control plane: importing this module fills the metadata."""

from press_app.access import model as _access
from press_app.backups import model as _backups
from press_app.benches import model as _benches
from press_app.billing import model as _billing
from press_app.invariants import model as _invariants
from press_app.jobs import model as _jobs
from press_app.keys import model as _keys
from press_app.kit.db import Base
from press_app.plans import model as _plans
from press_app.releases import model as _releases
from press_app.servers import model as _servers
from press_app.sites import model as _sites
from press_app.spares import model as _spares
from press_app.teams import model as _teams
from press_app.work import idempotency as _idempotency
from press_app.work import model as _work

METADATA = Base.metadata

__all__ = ["METADATA"]
_LOADED = (
    _access,
    _backups,
    _benches,
    _billing,
    _idempotency,
    _invariants,
    _jobs,
    _keys,
    _plans,
    _releases,
    _servers,
    _sites,
    _spares,
    _teams,
    _work,
)
