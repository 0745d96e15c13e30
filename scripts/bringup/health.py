"""Waiting for things with a deadline, and asking programs how they are."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import requests

from scripts.bringup.ports import LOOPBACK

ASK_SECONDS = 3.0
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.5


def wait_until(check: Callable[[], bool], *, seconds: float) -> bool:
    """Ask until the answer is yes; False when the time is over. The first pauses are short."""
    deadline = time.monotonic() + seconds
    pause = FIRST_PAUSE
    while not check():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return True


def answers_http(url: str) -> bool:
    """Whether a GET is answered with 2xx."""
    try:
        return requests.get(url, timeout=ASK_SECONDS).ok
    except requests.RequestException:
        return False


def find_status(url: str) -> tuple[int, str]:
    """Status and body of a GET; 0 when nobody answers."""
    try:
        answer = requests.get(url, timeout=ASK_SECONDS)
    except requests.RequestException as error:
        return 0, type(error).__name__
    return answer.status_code, answer.text


def accepts_tcp(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=ASK_SECONDS):
            return True
    except OSError:
        return False


def read_tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log file, for the user; empty when there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
