"""Cursor pages over both databases."""

import pytest
from sqlalchemy import select

from press_app.errors import PressError
from press_app.kit.pagination import (
    MAX_LIMIT,
    CursorInvalid,
    Page,
    PageRequest,
    PageView,
    decode_cursor,
    encode_cursor,
    read_page,
)
from press_app.teams.model import Team
from press_app.work.unit_of_work import Work
from tests.factories.teams import make_team


def add_teams(work: Work, number: int) -> list[str]:
    with work.begin(actor="test") as uow:
        return sorted(make_team(uow).id for _ in range(number))


def read_all(work: Work, limit: int, *, newest_first: bool = False) -> list[str]:
    seen: list[str] = []
    request = PageRequest(limit=limit)
    with work.read() as session:
        while True:
            page = read_page(session, select(Team), Team.id, request, newest_first=newest_first)
            seen += [team.id for team in page.items]
            if page.next_cursor is None:
                return seen
            request = PageRequest(cursor=page.next_cursor, limit=limit)


class TestReadPage:
    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 200])
    def test_gives_every_row_once_in_order(self, work: Work, limit: int) -> None:
        ids = add_teams(work, 6)
        assert read_all(work, limit) == ids
        assert read_all(work, limit, newest_first=True) == ids[::-1]

    def test_does_not_repeat_or_lose_rows_when_others_are_added_between_pages(self, work: Work) -> None:
        before = add_teams(work, 4)
        with work.read() as session:
            first = read_page(session, select(Team), Team.id, PageRequest(limit=2))
        later = add_teams(work, 2)
        with work.read() as session:
            rest = read_page(session, select(Team), Team.id, PageRequest(cursor=first.next_cursor))
        assert [team.id for team in [*first.items, *rest.items]] == [*before, *later]

    @pytest.mark.parametrize(("asked", "given"), [(0, 1), (-5, 1), (10_000, 4)])
    def test_keeps_the_limit_within_bounds(self, work: Work, asked: int, given: int) -> None:
        add_teams(work, 4)
        with work.read() as session:
            page = read_page(session, select(Team), Team.id, PageRequest(limit=asked))
        assert len(page.items) == given
        assert given <= MAX_LIMIT


class TestCursor:
    def test_comes_back_as_it_was(self) -> None:
        assert decode_cursor(encode_cursor("ключ:with/odd=chars")) == "ключ:with/odd=chars"

    @pytest.mark.parametrize("cursor", ["", "x", "!!!", "MTo", "MjphYmM", "gICA", "é", "MTp4\x00"])
    def test_is_refused_when_somebody_else_made_it(self, cursor: str) -> None:
        with pytest.raises(CursorInvalid) as refusal:
            decode_cursor(cursor)
        assert isinstance(refusal.value, PressError)
        assert refusal.value.status == 422


class TestPageView:
    def test_shows_rows_as_their_views(self) -> None:
        page = PageView[str].of(Page([1, 2], "next"), str)
        assert page.model_dump() == {"items": ["1", "2"], "next_cursor": "next"}
