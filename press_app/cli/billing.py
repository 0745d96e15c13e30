"""``press subscription``, ``press billing`` and ``press plan``: what customers pay for."""

from pathlib import Path
from typing import Annotated, Any

import typer

from press_app.cli.connection import connect, connection_of
from press_app.cli.failures import USAGE, CommandFailed
from press_app.cli.output import Column, Json, format_age, print_fields, print_json, show, show_list

subscriptions = typer.Typer(help="What the billing system wants.", no_args_is_help=True)
billing = typer.Typer(help="Safety of billing.", no_args_is_help=True)
plans = typer.Typer(help="What can be bought.", no_args_is_help=True)
UNLIMITED = "unlimited"
LIMIT = f"A number, or {UNLIMITED}."

SUBSCRIPTION_COLUMNS: tuple[Column, ...] = (
    ("external id", "external_id"),
    ("wanted", "wanted"),
    ("reason", lambda row: (row["reason"] or {}).get("code")),
    ("plan", "plan_code"),
    ("sites", lambda row: ", ".join(f"{site['name']} ({site['status']})" for site in row["sites"])),
    ("seen in Lago", lambda row: format_age(row["observed_at"])),
)
PLAN_COLUMNS: tuple[Column, ...] = (
    ("code", "code"),
    ("name", "name"),
    ("price", lambda row: _price(row["price_cents"], row["currency"], row["interval"])),
    ("sites", lambda row: _limit(row["max_sites"])),
    ("users", lambda row: _limit(row["max_users"])),
    ("storage", lambda row: _limit(row["storage_gb"], " GB")),
    ("apps", "apps"),
)


def _limit(value: int | None, unit: str = "") -> str:
    return UNLIMITED if value is None else f"{value}{unit}"


def _price(cents: int | None, currency: str, interval: str) -> str:
    return "custom" if cents is None else f"{cents / 100:.2f} {currency} {interval}"


@subscriptions.command("list")
def list_subscriptions(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 1000,
    as_json: Json = False,
) -> None:
    """List subscriptions with their sites."""
    items = connect(ctx).list_all("/v1/subscriptions", limit=limit)
    show_list(items, SUBSCRIPTION_COLUMNS, as_json=as_json, nothing="No subscription was seen yet.")


@subscriptions.command("show")
def show_subscription(
    ctx: typer.Context,
    external_id: Annotated[str, typer.Argument(help="Its external id in Lago.")],
    *,
    as_json: Json = False,
) -> None:
    """Show one subscription."""
    found = connect(ctx).get(f"/v1/subscriptions/{external_id}")
    if as_json:
        print_json(found)
    else:
        print_fields(found.items())


@billing.command("guard")
def show_guard(
    ctx: typer.Context,
    *,
    release: Annotated[
        bool, typer.Option("--release", help="Confirm that all endings so far are meant; sites are archived.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say whether too many subscriptions ended at once and wait for an operator."""
    api = connect(ctx)
    if release:
        confirmed = api.post("/v1/termination-guard/release")
        show(confirmed, as_json=as_json, sentence=f"{confirmed['confirmed']} endings are confirmed.")
        return
    guard = api.get("/v1/termination-guard")
    if guard["is_tripped"]:
        sentence = (
            f"{guard['count']} endings wait since {format_age(guard['tripped_at'])}: nothing is archived. "
            "Look at 'press subscription list'; if they are meant, run 'press billing guard --release'."
        )
    else:
        sentence = "No unusual number of endings; nothing waits."
    show(guard, as_json=as_json, sentence=sentence)


@plans.command("list")
def list_plans(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List the plans; needs no token."""
    items = connect(ctx, anonymous=True).get("/v1/plans")["items"]
    show_list(items, PLAN_COLUMNS, as_json=as_json, nothing="No plan. Add the product's with 'press seed'.")


@plans.command("change")
def change_plan(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(help="Which plan; 'press plan list' names them.")],
    *,
    apps: Annotated[
        list[str] | None, typer.Option("--app", help="All apps that it grants; may be repeated.")
    ] = None,
    max_sites: Annotated[str | None, typer.Option(help=LIMIT)] = None,
    max_users: Annotated[str | None, typer.Option(help=LIMIT)] = None,
    storage_gb: Annotated[str | None, typer.Option(help=LIMIT)] = None,
    as_json: Json = False,
) -> None:
    """Change what a plan grants to whom Lago grants nothing else; what does not fit any more is told, never deleted."""
    limits = {"max_sites": max_sites, "max_users": max_users, "storage_gb": storage_gb}
    change: dict[str, Any] = {name: read_limit(text) for name, text in limits.items() if text is not None}
    if apps:
        change["apps"] = apps
    if not change:
        raise CommandFailed("Say what is to change. Nothing was changed.", code="usage", status=USAGE)
    plan = connect(ctx).patch(f"/v1/plans/{code}", change)
    show(plan, as_json=as_json, sentence=f"{plan['name']} grants {', '.join(plan['apps'])}.")


def read_limit(text: str) -> int | None:
    """A number, or None for ``unlimited``. Raises :class:`CommandFailed`."""
    if text == UNLIMITED:
        return None
    if not text.isdecimal():
        message = f"'{text}' is no limit: say a number or {UNLIMITED}. Nothing was changed."
        raise CommandFailed(message, code="usage", status=USAGE)
    return int(text)


@plans.command("publish")
def publish_plans(
    ctx: typer.Context,
    *,
    lago_url: Annotated[str | None, typer.Option(help="Lago's address; else the local sandbox.")] = None,
    lago_key_file: Annotated[
        Path | None, typer.Option(help="File with Lago's API key; else var/secrets/lago-api-key.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put the plans with a price into Lago, with their entitlements; those that stand there stay as they are."""
    from press_app.cli.demo.command import make_lago

    lago = make_lago(connection_of(ctx), lago_url, None, lago_key_file)
    items = connect(ctx, anonymous=True).get("/v1/plans")["items"]
    published = {
        plan["code"]: "published" if lago.publish_plan(plan) else "there already"
        for plan in items
        if plan["price_cents"] is not None
    }
    sentence = ", ".join(f"{code}: {what}" for code, what in published.items()) or "No plan has a price."
    show({"plans": published}, as_json=as_json, sentence=sentence)
