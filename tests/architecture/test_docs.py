"""Every relative link of every page leads somewhere, headings included."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.bringup.state import ROOT
from scripts.linters.source import list_files

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+\s+(.+?)\s*#*$", re.MULTILINE)
FOREIGN = ("http://", "https://", "mailto:")


def list_pages() -> list[Path]:
    return [ROOT / path for path in list_files(ROOT) if path.endswith(".md")]


def list_links(text: str) -> Iterator[str]:
    for found in LINK.finditer(FENCE.sub("", text)):
        target = found.group(1) or found.group(2)
        if not target.startswith(FOREIGN):
            yield target


def list_anchors(text: str) -> set[str]:
    """As the usual renderers make them: lower case, words joined by hyphens, marks dropped."""
    titles = (re.sub(r"[`*_]", "", title.lower()) for title in HEADING.findall(FENCE.sub("", text)))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def find_broken(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    broken = []
    for link in list_links(text):
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists():
            broken.append(f"{link}: no such file")
        elif (
            anchor
            and target.suffix == ".md"
            and anchor not in list_anchors(target.read_text(encoding="utf-8"))
        ):
            broken.append(f"{link}: no such heading")
    return broken


@pytest.mark.parametrize("page", list_pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_resolve(page: Path) -> None:
    assert find_broken(page) == []


class TestFindBroken:
    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("[a](b.md)", 0),
            ("[a](b.md#a-heading-here)", 0),
            ("[a](b.md#other)", 1),
            ("[a](none.md) ![x](none.png)", 2),
            ("[a](#top)\n# Top\n", 0),
            ("```\n[a](none.md)\n```", 0),
            ("[a](https://example.com/none)", 0),
        ],
    )
    def test_what_leads_nowhere_is_found(self, tmp_path: Path, text: str, count: int) -> None:
        (tmp_path / "b.md").write_text("## A `heading`, here\n", encoding="utf-8")
        page = tmp_path / "page.md"
        page.write_text(text, encoding="utf-8")
        assert len(find_broken(page)) == count
