"""What the agent's door does with a database."""

from .pools import DatabaseMissing, PoolKeeper, measure_memory
from .tenant_lock import TenantLocks


class TrytonActions:
    """Loads and unloads a database's pool."""

    def __init__(self, pools: PoolKeeper, locks: TenantLocks) -> None:
        self._pools = pools
        self._locks = locks

    def load(self, site_id: str) -> bool:
        try:
            with self._pools.using(site_id):
                return True
        except DatabaseMissing:
            return False

    def unload(self, site_id: str) -> bool:
        return self._pools.unload(site_id)

    def is_idle(self, site_id: str) -> bool:
        return not self._locks.is_held(site_id)

    def forget(self, site_id: str) -> None:
        self._pools.unload(site_id)
        self._locks.forget(site_id)

    def measure(self) -> dict[str, object]:
        return {
            "loaded": self._pools.list_loaded(),
            "pools": self._pools.count_pools(),
            "loads": self._pools.loads,
            "evictions": self._pools.evictions,
            "rss_bytes": measure_memory(),
        }
