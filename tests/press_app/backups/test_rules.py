"""When it is a site's turn."""

from datetime import UTC, datetime, timedelta

import pytest

from press_app.backups import rules
from press_app.backups.rules import Policy, Saved

POLICY = Policy(hourly=24, daily=7, weekly=4, monthly=12, manual_days=365, change_days=30)
NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class TestFirstTurn:
    def test_is_within_the_interval_and_spread(self) -> None:
        turns = [rules.first_turn(f"site-{number}", NOW, NOW, HOUR) for number in range(600)]
        assert all(NOW <= turn <= NOW + HOUR for turn in turns)
        quarters = [int((turn - NOW) / (HOUR / 4)) for turn in turns]
        assert all(100 < quarters.count(quarter) < 200 for quarter in range(4))

    def test_of_an_old_site_is_now(self) -> None:
        assert rules.first_turn("site", NOW - 2 * HOUR, NOW, HOUR) == NOW


class TestIsUnchanged:
    @pytest.mark.parametrize(
        ("backed_up", "closed", "unchanged"),
        [
            (None, 5, False),
            (2, None, False),
            (2, 5, True),
            (2, 1, False),
            (23.5, 30, False),
            (22.5, 30, True),
        ],
    )
    def test_when_closed_since_before_a_backup_of_the_day(
        self, backed_up: float | None, closed: float | None, unchanged: bool
    ) -> None:
        ages = [None if hours is None else NOW - timedelta(hours=hours) for hours in (backed_up, closed)]
        assert rules.is_unchanged(ages[0], ages[1], NOW, HOUR) is unchanged


def choose(*saved: Saved, is_archived: bool = False) -> set[str]:
    return set(rules.choose_over(saved, POLICY, NOW, is_archived=is_archived))


def save(age: timedelta, kind: str = "scheduled") -> Saved:
    return Saved(f"{kind} {age}", kind, NOW - age)


class TestChooseOver:
    def test_a_year_of_hours_leaves_hours_days_weeks_and_months(self) -> None:
        saved: list[Saved] = []
        # Day by day, as it is: what was deleted once cannot be kept later.
        for hour in range(24 * 400):
            now = NOW + timedelta(hours=hour)
            saved.append(Saved(str(hour), "scheduled", now))
            if hour % 24 == 23:
                over = rules.choose_over(saved, POLICY, now, is_archived=False)
                saved = [each for each in saved if each.id not in over]
        ages = [(now - each.taken_at) for each in saved]
        assert len([age for age in ages if age < timedelta(days=1)]) == 24
        assert len({each.taken_at.date() for each in saved if now - each.taken_at < timedelta(days=7)}) == 7
        assert len({each.taken_at.strftime("%Y-%m") for each in saved}) == 12
        assert 24 + 11 <= len(saved) <= 24 + 7 + 4 + 12, "one can stand for a day, a week and a month"
        assert max(ages) > timedelta(days=300)

    def test_the_newest_of_all_is_never_over(self) -> None:
        assert choose(save(timedelta(days=4000), "for-copy")) == set()
        assert choose(save(timedelta(days=4000))) == set()

    def test_gaps_are_no_reason_to_delete(self) -> None:
        assert choose(*(save(timedelta(days=100 * number)) for number in range(5))) == set()

    @pytest.mark.parametrize(
        ("kind", "days", "is_over"),
        [
            ("manual", 364, False),
            ("manual", 366, True),
            ("before-change", 29, False),
            ("before-change", 31, True),
            ("for-copy", 6, False),
            ("for-copy", 8, True),
            ("archive", 31, True),
        ],
    )
    def test_others_have_their_own_time(self, kind: str, days: int, is_over: bool) -> None:
        old = save(timedelta(days=days), kind)
        assert choose(save(timedelta(0)), old) == ({old.id} if is_over else set())

    def test_the_archive_of_an_archived_site_stays(self) -> None:
        old = save(timedelta(days=3000), "archive")
        assert choose(save(timedelta(days=1)), old, is_archived=True) == set()

    def test_one_that_somebody_asked_for_does_not_stand_for_an_hour(self) -> None:
        assert choose(save(timedelta(0), "manual"), save(timedelta(minutes=5))) == set()
