"""The HTTP edge: Lago's webhooks, the operator API, health, readiness and metrics."""
