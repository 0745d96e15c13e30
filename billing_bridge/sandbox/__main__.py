"""``python -m billing_bridge.sandbox``."""

from billing_bridge.sandbox.config import Settings
from billing_bridge.sandbox.server import serve

if __name__ == "__main__":
    serve(Settings())
