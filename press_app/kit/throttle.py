"""Counting attempts: moving windows in Redis, in memory while Redis is away."""

import time
from threading import Lock

import structlog
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import MovingWindowRateLimiter, RateLimiter
from redis import ConnectionPool
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

TRY_REDIS_AGAIN_SECONDS = 10.0


class Throttle:
    """``hit`` counts, ``wait_seconds`` asks; limits are written as ``5/15minutes``."""

    def __init__(self, redis_url: str | None = None) -> None:
        self._memory = MovingWindowRateLimiter(MemoryStorage())
        self._shared = None if redis_url is None else MovingWindowRateLimiter(_redis(redis_url))
        self._redis_url = redis_url
        self._away_until = 0.0
        self._lock = Lock()

    def hit(self, limit: str, *who: str) -> bool:
        """Count one. False when the limit was reached already."""
        item = parse(limit)
        shared = self._available()
        if shared is not None:
            try:
                return shared.hit(item, *who)
            except (RedisError, OSError) as error:
                self._give_up(error)
        return self._memory.hit(item, *who)

    def wait_seconds(self, limit: str, *who: str) -> int:
        """0 while something is left, else the whole seconds until the next attempt is counted."""
        item = parse(limit)
        shared = self._available()
        if shared is not None:
            try:
                return _wait(shared, item, who)
            except (RedisError, OSError) as error:
                self._give_up(error)
        return _wait(self._memory, item, who)

    def _available(self) -> RateLimiter | None:
        return self._shared if time.monotonic() >= self._away_until else None

    def _give_up(self, error: Exception) -> None:
        with self._lock:
            self._away_until = time.monotonic() + TRY_REDIS_AGAIN_SECONDS
        log.warning("throttle.redis_away", error=str(error))


def _redis(url: str) -> Storage:
    pool = ConnectionPool.from_url(url, socket_timeout=1, socket_connect_timeout=1)
    return RedisStorage(url, connection_pool=pool, key_prefix="press:limit")


def _wait(limiter: RateLimiter, item: RateLimitItem, who: tuple[str, ...]) -> int:
    window = limiter.get_window_stats(item, *who)
    if window.remaining > 0:
        return 0
    return max(1, int(window.reset_time - time.time()) + 1)
