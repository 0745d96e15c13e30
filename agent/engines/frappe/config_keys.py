"""Which of Frappe's settings a tenant may set, and which are ours. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agent.engines.errors import ConfigRefused
from agent.engines.port import ConfigValue

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Key:
    """What a setting may be."""

    kind: type
    least: int = 0
    most: int = 0


KEYS: Mapping[str, Key] = {
    "mute_emails": Key(kind=bool),
    "max_file_size": Key(kind=int, least=MIB, most=50 * MIB),
    "allow_cors": Key(kind=str),
    "deny_multiple_sessions": Key(kind=bool),
    "disable_website_cache": Key(kind=bool),
}
OURS = frozenset(
    {
        "db_name",
        "db_password",
        "db_socket",
        "maintenance_mode",
        "pause_scheduler",
        "host_name",
        "encryption_key",
    }
)
"""What the agent says of a site by itself."""
FORBIDDEN = frozenset(
    {"db_host", "db_port", "db_type", "extra_config", "developer_mode", "server_script_enabled"}
)
"""What would lead a site elsewhere or run code; nobody but us says such things."""
SECRETS = re.compile(
    r"password|passwd|passphrase|pass_phrase|pwd|secret|token|private|api_?key|access_?key|credential|auth|_sk$|_key$"
)
FRAPPES = (
    "auto_",
    "backup_",
    "bench_",
    "cache_",
    "db_",
    "developer_",
    "disable_",
    "enable_",
    "frappe_",
    "http_",
    "log_",
    "mail_",
    "queue_",
    "rds_",
    "redis_",
    "root_",
    "rq_",
    "scheduler_",
    "server_",
    "site_",
    "socketio_",
    "ssl_",
    "use_",
    "webserver_",
)
"""What Frappe's own settings begin with: an app that is called so opens none of them."""


def check(config: Mapping[str, ConfigValue], installed: tuple[str, ...]) -> None:
    """Raise :class:`ConfigRefused` for what a site with these apps cannot have.

    A name that Frappe itself does not know begins with ``custom_`` or with the name of an app of the site.
    """
    for name, value in config.items():
        reason = _judge(name, value, installed)
        if reason:
            raise ConfigRefused(
                f"{name} cannot be set: {reason}. Nothing was changed; correct or leave it out."
            )


def _judge(name: str, value: ConfigValue, installed: tuple[str, ...]) -> str:
    if name in OURS | FORBIDDEN:
        return "it is the platform's own"
    if SECRETS.search(name):
        return "secrets are set in the ERP itself, where they are kept encrypted"
    key = KEYS.get(name)
    if key is None:
        begins = ("custom_", *(f"{app}_" for app in installed if f"{app}_" not in FRAPPES))
        return (
            ""
            if name.startswith(begins)
            else f"it is not one of {', '.join(KEYS)}, and begins with none of {', '.join(begins)}"
        )
    if type(value) is not key.kind:
        return f"it wants {_describe(key)}"
    if isinstance(value, int) and key.most and not key.least <= value <= key.most:
        return f"it wants {_describe(key)}"
    return ""


def _describe(key: Key) -> str:
    words = {bool: "true or false", int: "a number", str: "a text"}[key.kind]
    return f"{words} from {key.least} to {key.most}" if key.most else words
