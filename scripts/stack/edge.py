"""What the edge of a stack is told: its static configuration, and the routes of our own programs."""

import json

from scripts.bringup.files import render_edge
from scripts.bringup.state import write_file
from scripts.stack.images import EDGE_FOLDER
from scripts.stack.settings import Stack

LOCAL = "localhost"
CERTIFICATES = "/var/lib/edge/acme/acme.json"
HIDDEN = "(Path(`/metrics`) || Path(`/ready`))"
"""What machines ask on the inner networks is nothing for outside."""


def write_edge(stack: Stack) -> bool:
    """Both files; whether one of them changed."""
    folder = stack.dir / "edge"
    static = write_file(folder / "traefik.yml", render_static(stack))
    routes = write_file(folder / "programs.yml", render_routes(stack))
    return static or routes


def render_static(stack: Stack) -> str:
    # A trial on this machine is for this machine.
    host = "127.0.0.1" if stack.domain == LOCAL else ""
    return render_edge(
        web_address=f"{host}:{stack.http_port}",
        internal_address=f"{stack.gateway}:{stack.internal_port}",
        dynamic_dir=EDGE_FOLDER,
        secure_address="" if stack.is_trial else f":{stack.https_port}",
        domain=stack.domain,
        email=stack.email,
        dns_provider=stack.dns_provider,
        certificates=CERTIFICATES,
    )


def render_routes(stack: Stack) -> str:
    """JSON, which is YAML, too."""
    press, billing = f"Host(`press.{stack.domain}`)", f"Host(`billing.{stack.domain}`)"
    routers = {
        "press": {"rule": f"{press} && !{HIDDEN}", "service": "press-api"},
        "billing": {"rule": f"{billing} && Path(`/webhooks/lago`)", "service": "bridge-api"},
    }
    services = {
        name: {"loadBalancer": {"servers": [{"url": f"http://{stack.network}.{place}"}]}}
        for name, place in (("press-api", "10:8080"), ("bridge-api", "12:8085"))
    }
    return json.dumps({"http": {"routers": routers, "services": services}}, indent=1) + "\n"
