"""When a webhook counts as delivered, and how long to wait for the next attempt."""

SUCCESS = frozenset({200, 201, 202, 204})
"""203 and redirects are failures; redirects are not followed."""


def wait_seconds(attempt: int, jitter: float, scale: float) -> float:
    """Seconds after the failure of ``attempt`` (counted from 1); ``jitter`` is 0 to 1, ``scale`` multiplies all."""
    return (attempt**4 * (1 + 0.15 * jitter) + 2) * scale
