"""Queries over plans."""

from sqlalchemy import select

from press_app.kit.db import ReadSession, Session
from press_app.plans.model import Plan


def find_plan(session: Session | ReadSession, code: str) -> Plan | None:
    return session.scalar(select(Plan).where(Plan.code == code))


def list_plans(session: Session | ReadSession, *, only_public: bool) -> list[Plan]:
    query = select(Plan).order_by(Plan.position, Plan.code)
    return list(session.scalars(query.where(Plan.public) if only_public else query))
