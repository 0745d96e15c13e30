"""The set-up of the product through its own command lines; the one place that knows their words."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from scripts.bringup.engines import FRAPPE, TRYTON, make_base_image
from scripts.bringup.errors import UpError
from scripts.bringup.files import BRIDGE_TOKEN, read_own, with_env
from scripts.bringup.keys import ensure_secret, find_secret, make_password, store_secret
from scripts.bringup.state import ROOT, Paths

OPERATOR_EMAIL = "operator@localhost.localdomain"
OPERATOR_PASSWORD = "operator-password"
OPERATOR_TOKEN = "operator-token"
CALL_SECONDS = 1800.0
PRESS = ("press_app.cli", "press.env")
BRIDGE = ("billing_bridge.cli", "bridge.env")


@dataclass(frozen=True)
class Step:
    """One idempotent piece of the set-up; done again when its fingerprint changes."""

    key: str
    title: str
    run: Callable[["Product"], None]
    hint: str = ""


class Product:
    """Runs the programs' own commands with this installation's environments."""

    def __init__(self, paths: Paths, urls: Mapping[str, str], sources: Sequence[str] = ()) -> None:
        self.paths = paths
        self.urls = urls
        self.sources = sources
        """``app=url@commit`` of the first bench's apps; empty for the embedded engine."""

    def press(self, *arguments: str, env: tuple[str, ...] = (), stdin: str = "") -> Any:
        """``press …``; its JSON answer, or None when it prints none."""
        return self._call(PRESS, ("--state", str(self.paths.state), *arguments), env=env, stdin=stdin)

    def bridge(self, *arguments: str) -> Any:
        """``press-bridge …``; its JSON answer, or None when it prints none."""
        return self._call(BRIDGE, arguments, env=(), stdin="")

    def _call(
        self, program: tuple[str, str], arguments: tuple[str, ...], *, env: tuple[str, ...], stdin: str
    ) -> Any:
        module, env_file = program
        argv = with_env((sys.executable, "-m", module, *arguments), self.paths, env_file, *env)
        try:
            done = subprocess.run(
                argv, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False, timeout=CALL_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            message = f"`{module} {' '.join(arguments)}` did not end within {CALL_SECONDS:.0f} s; run up again to continue."
            raise UpError(message) from error
        if done.returncode != 0:
            message = f"`{module} {' '.join(arguments)}` failed; what was done before stays, and up continues from here."
            said = _explain(done.stderr or done.stdout)
            raise UpError(message, log=said, reason=said.splitlines()[-1] if said else message)
        return _parse(done.stdout)


def _parse(output: str) -> Any:
    try:
        return json.loads(output)
    except ValueError:
        return None


def _explain(error_output: str) -> str:
    """The sentence of a command that was asked for JSON; else its last lines."""
    problem = _parse(error_output)
    if isinstance(problem, dict) and "message" in problem:
        return str(problem["message"])
    return _last_lines(error_output)


def _last_lines(text: str, count: int = 12) -> str:
    return "\n".join(text.strip().splitlines()[-count:])


def prepare(product: Product) -> None:
    """Databases, plans, the operator's account and the tokens; before anything runs."""
    with ThreadPoolExecutor() as pool:
        bridge = pool.submit(product.bridge, "db", "upgrade")
        product.press("db", "upgrade")
        bridge.result()
    product.press("seed")
    password = ensure_secret(product.paths.secrets, OPERATOR_PASSWORD, make_password)
    product.press("operator", "ensure", OPERATOR_EMAIL, "--password-stdin", stdin=password)
    ensure_token(product, OPERATOR_TOKEN, "--operator", OPERATOR_EMAIL, "--name", "up")
    ensure_token(product, BRIDGE_TOKEN, "--system", "billing-bridge")


def ensure_token(product: Product, file: str, *whose: str) -> None:
    """A token in the secrets folder; an older one of the same name, whose secret is lost, ends."""
    if find_secret(product.paths.secrets, file) is None:
        answer = product.press("token", "create", *whose, "--replace", "--json")
        store_secret(product.paths.secrets, file, answer["token"])


def add_server(product: Product) -> None:
    """Enrol the agent of this host; `press` runs `press-agent enroll` with the agent's environment."""
    product.press("server", "add", "--local", "--json", env=("agent.env",))


def deploy_bench(product: Product) -> None:
    """A release of the chosen engine, and one bench that runs it."""
    if product.sources:
        make_base_image(read_own(product.paths, "agent.env"))
        version = product.sources[0].rpartition("@")[2][:12]
        code = [part for source in product.sources for part in ("--app", source)]
        product.press("release", "add", "--engine", FRAPPE, "--version", version, *code, "--json")
    else:
        product.press("release", "add", "--engine", TRYTON, "--json")
    product.press("bench", "deploy", "--wait", "--json")


def register_webhook(product: Product) -> None:
    """Our plans and our address in the billing system."""
    product.press("plan", "publish", "--json")
    product.bridge("webhook", "ensure")


SETUP = (
    Step("server", "Enrol this host", add_server),
    Step(
        "bench",
        "Build and start the first bench",
        deploy_bench,
        hint="about a minute, with Frappe five: the ERP is installed once",
    ),
    Step("webhook", "Tell the billing system our plans and where we listen", register_webhook),
)


def play_demo(product: Product) -> dict[str, Any]:
    """One tenant through the front door: the sandbox starts a subscription and fires the webhook."""
    answer: dict[str, Any] = product.press("demo", "--create-only", "--json")
    # The login link of this moment is shown, never stored: whoever reads the file later could use it.
    return {name: value for name, value in answer.items() if name != "login_url"}


def list_demo_links(product: Product, demo: Mapping[str, Any]) -> dict[str, str]:
    """The ERP's address and a login link that works once; nothing when there is no demo tenant."""
    if not demo.get("site_id"):
        return {}
    links = {"ERP of the demo tenant": str(demo["url"])}
    try:
        answer = product.press("site", "login-link", str(demo["site_id"]), "--json")
    except UpError as error:
        # The tenant may have been suspended or archived by hand since; that is no failure of an up.
        return links | {"Log in": f"not now: {error.reason}"}
    return links | {"Log in (works once)": str(answer["url"])}
