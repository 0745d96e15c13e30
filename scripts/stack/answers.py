"""The four questions, and where their answers come from: flags, the environment, ``.env``, a person."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from scripts.stack.checks import list_wrong_answers
from scripts.stack.errors import StackError
from scripts.stack.settings import FOLDER, PLAIN, Stack


@dataclass(frozen=True)
class Question:
    """What is asked for one option of the stack."""

    option: str
    text: str
    usual: str


QUESTIONS = (
    Question("domain", "Domain of the sites; localhost for a trial", "localhost"),
    Question("email", "E-mail address of the first operator", "operator@localhost.localdomain"),
    Question(
        "dns_provider", "Who serves its DNS: cloudflare, hetzner, …; none for a trial over plain HTTP", PLAIN
    ),
    Question("object_store", "Object store for backups, as folder:<path>", f"{FOLDER}/var/lib/press/backups"),
)


def read_stack(
    env_file: Path, flags: Mapping[str, str | None], settings: Sequence[str], console: Console
) -> Stack:
    """The stack that all answers make. Raises :class:`StackError` with every answer that cannot be."""
    given = {name: value for name, value in flags.items() if value}
    for pair in settings:
        name, _, value = pair.partition("=")
        if name not in Stack.model_fields:
            raise StackError(
                f"There is no option {name}; compose/.env.example names all. Nothing was changed."
            )
        given[name] = value
    try:
        stack = _load(env_file, given)
        given |= {each.option: ask(console, each) for each in QUESTIONS if not getattr(stack, each.option)}
        stack = _load(env_file, given)
    except ValidationError as error:
        raise_for(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        raise
    raise_for(list_wrong_answers(stack))
    return stack.derive()


def _load(env_file: Path, given: Mapping[str, str]) -> Stack:
    return Stack(_env_file=env_file, **given)  # type: ignore[arg-type] # text is what it reads everywhere


def ask(console: Console, question: Question) -> str:
    """Raises :class:`StackError` where nobody can answer."""
    if not sys.stdin.isatty():
        flag = f"--{question.option.replace('_', '-')}"
        raise StackError(
            f"{question.text}? Answer with {flag}, or STACK_{question.option.upper()} in the environment. Nothing was changed."
        )
    return console.input(f"{question.text} [{question.usual}]: ").strip() or question.usual


def raise_for(problems: Iterable[str]) -> None:
    """Raises :class:`StackError` when there are any."""
    said = " ".join(problems)
    if said:
        raise StackError(f"{said} Nothing was changed.")
