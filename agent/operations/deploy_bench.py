"""Install a release and run a bench of it."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from agent.engines.errors import BenchNotHealthy
from agent.engines.port import BenchSpec, BenchStatus, Engine, Source
from agent.engines.shelf import BenchRecord
from agent.operations.base import Context, Operation, Step, Urgency
from agent.operations.params import (
    MIB,
    AppName,
    Apps,
    Commit,
    EngineName,
    GitUrl,
    ImageName,
    LocaleParams,
    Name,
    Params,
    Strict,
    find_locale,
)


class Release(Strict):
    """What the bench runs."""

    name: Name
    version: Name
    base: ImageName | None = None


class SourceParams(Strict):
    """The code of one app, pinned to a commit."""

    app: AppName
    url: GitUrl
    commit: Commit


class DeployBenchParams(Params):
    """Which release, which templates are kept ready, how much memory it may take."""

    engine: EngineName
    release: Release
    app_sets: Annotated[tuple[Apps, ...], Field(min_length=1, max_length=20)]
    memory_bytes: Annotated[int, Field(ge=64 * MIB, le=1 << 40)]
    sources: Annotated[tuple[SourceParams, ...], Field(max_length=30)] = ()
    """The code of its apps; empty for engines whose code comes with this agent."""
    locale: LocaleParams | None = None


class Key(StrEnum):
    LOOK = "look"
    RELEASE = "ensure_release"
    TEMPLATES = "ensure_templates"
    RECORD = "ensure_recorded"
    START = "ensure_started"


def _engine(context: Context[DeployBenchParams]) -> Engine:
    return context.host.engines.get(context.params.engine)


def _spec(context: Context[DeployBenchParams]) -> BenchSpec:
    params = context.params
    return BenchSpec(
        bench_id=params.bench_id,
        release=params.release.name,
        version=params.release.version,
        app_sets=params.app_sets,
        memory_bytes=params.memory_bytes,
        sources=tuple(Source(app=each.app, url=each.url, commit=each.commit) for each in params.sources),
        base=params.release.base or "",
        locale=find_locale(params.locale),
    )


def _look(context: Context[DeployBenchParams]) -> bool:
    present = _engine(context).find_bench(context.params.bench_id)
    context.notes["ran"] = present is not None and present.status is BenchStatus.RUNNING
    context.notes["known"] = context.host.engines.find_record(context.params.bench_id) is not None
    return False


def _install(context: Context[DeployBenchParams]) -> bool:
    return _engine(context).ensure_release(_spec(context), context.progress)


def _make_templates(context: Context[DeployBenchParams]) -> bool:
    templates, changed = _engine(context).ensure_templates(_spec(context), context.progress)
    context.notes["templates"] = [asdict(template) for template in templates]
    return changed


def _record(context: Context[DeployBenchParams]) -> bool:
    modules = {
        BenchRecord.key(tuple(made["apps"])): list(made["modules"]) for made in context.notes["templates"]
    }
    record = BenchRecord(bench_id=context.params.bench_id, engine=context.params.engine, modules=modules)
    return context.host.engines.remember(record)


def _forget(context: Context[DeployBenchParams]) -> None:
    if context.notes.get("known") is False:
        context.host.engines.forget(context.params.bench_id)


def _start(context: Context[DeployBenchParams]) -> bool:
    return _engine(context).ensure_bench_started(_spec(context))


def _stop(context: Context[DeployBenchParams]) -> None:
    """Stop a bench that the job made; one that was there keeps, or has again, what it had."""
    if context.notes.get("ran") is False and context.notes.get("known") is False:
        _engine(context).ensure_bench_stopped(context.params.bench_id)


def _result(context: Context[DeployBenchParams]) -> dict[str, Any]:
    bench = _engine(context).find_bench(context.params.bench_id)
    if bench is None:
        raise BenchNotHealthy("The bench vanished after it was started. Send the job again.")
    version = context.params.release.version
    return {"url": bench.url, "engine_version": version, "templates": context.notes["templates"]}


OPERATION = Operation(
    name="deploy_bench",
    params=DeployBenchParams,
    target="bench",
    urgency=Urgency.SLOW,
    purpose="deploy the bench",
    steps=(
        Step(key=Key.LOOK, title="Look what runs there", run=_look),
        Step(key=Key.RELEASE, title="Install the release", run=_install),
        Step(key=Key.TEMPLATES, title="Make the templates", run=_make_templates),
        Step(key=Key.RECORD, title="Remember the bench", run=_record, undo=_forget),
        Step(key=Key.START, title="Start the bench and wait until it answers", run=_start, undo=_stop),
    ),
    result=_result,
)
