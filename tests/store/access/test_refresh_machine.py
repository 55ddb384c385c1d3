"""The ratchet of refresh tokens compared with a model, for every order of sign-ins, refreshes and sign-outs."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete

from settings import Settings
from store import tables
from store.access.identities import identify_session
from store.access.refresh import GRACE_SECONDS, Refreshed, Refusal, Refused, refresh
from store.access.sessions import TOTAL, UNUSED, Client, end_session_of_token, sessions_of_user, start_session
from store.access.users import NewUser, create_user
from store.sql.database import Database
from tests.resolvers.rows import NOW
from tests.store.access.calls import read, write

T = TypeVar("T")
GRACE = timedelta(seconds=GRACE_SECONDS)


@dataclass
class Token:
    """The model of a refresh token."""

    family: int
    expires_at: datetime
    used_at: datetime | None = None
    successor: str | None = None


@dataclass
class Family:
    """The model of a session."""

    id: str
    created_at: datetime
    expires_at: datetime
    ended: bool = False


class RefreshMachine(RuleBasedStateMachine):
    """One user with any number of sessions. A token's successor is its text and a plus sign."""

    runner: asyncio.Runner
    database: Database
    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.tokens: dict[str, Token] = {}
        self.families: list[Family] = []
        self.user = self.run(self._begin())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    async def _begin(self) -> str:
        async with self.database.write() as connection:
            for table in (tables.refresh, tables.signin, tables.access_change, tables.user):
                await connection.execute(delete(table))
            return (await create_user(connection, NewUser(name="ada"), NOW)).id

    @rule(target=names)
    def sign_in(self) -> str:
        name = f"token{len(self.families)}"
        row = self.run(write(self.database, start_session, self.user, name, Client(), self.now))
        assert row is not None
        self.tokens[name] = Token(len(self.families), self.now + UNUSED)
        self.families.append(Family(row.id, self.now, self.now + UNUSED))
        return name

    @rule(target=names, name=names)
    def refresh(self, name: str) -> str:
        """Use a token, and return its successor, which exists or not."""
        successor = name + "+"
        found = self.run(write(self.database, refresh, name, successor, "kid", self.now))
        token = self.tokens.get(name)
        if token is None:
            assert found == Refused(Refusal.UNKNOWN)
            return successor
        family = self.families[token.family]
        who = (family.id, self.user)
        if family.ended:
            assert found == Refused(Refusal.ENDED, *who)
        elif token.expires_at <= self.now:
            assert found == Refused(Refusal.EXPIRED, *who)
        elif token.used_at is None:
            expires_at = min(self.now + UNUSED, family.created_at + TOTAL)
            assert found == Refreshed(*who, "kid", expires_at, repeated=False)
            token.used_at = self.now
            family.expires_at = expires_at
            self.tokens[successor] = Token(token.family, expires_at)
        elif self.now - token.used_at <= GRACE and self.tokens[successor].used_at is None:
            assert found == Refreshed(*who, "kid", self.tokens[successor].expires_at, repeated=True)
        else:
            assert found == Refused(Refusal.REUSED, *who)
            family.ended = True
        return successor

    @rule(name=names)
    def sign_out(self, name: str) -> None:
        found = self.run(write(self.database, end_session_of_token, name, self.now))
        token = self.tokens.get(name)
        family = None if token is None else self.families[token.family]
        can = family is not None and not family.ended and family.expires_at > self.now
        assert (found is not None) == can
        if can and family is not None:
            family.ended = True

    @rule(step=st.sampled_from([timedelta(seconds=5), GRACE, timedelta(days=1), timedelta(days=13)]))
    def time_passes(self, step: timedelta) -> None:
        self.now += step

    @invariant()
    def the_open_sessions_are_those_of_the_model(self) -> None:
        expected = {family.id for family in self.families if not family.ended and family.expires_at > self.now}
        rows = self.run(read(self.database, sessions_of_user, self.user, self.now))
        assert {row.id for row in rows} == expected
        for family in self.families:
            identity = self.run(read(self.database, identify_session, family.id, self.now))
            assert (identity is not None) == (family.id in expected)

    @invariant()
    def an_open_session_has_one_unused_token(self) -> None:
        unused = [token.family for token in self.tokens.values() if token.used_at is None]
        assert sorted(unused) == list(range(len(self.families)))


def test_the_ratchet_follows_the_model(tables: None, database_url: str) -> None:
    with asyncio.Runner() as runner:
        database = Database(Settings(database_url=database_url).database)
        machine = type("Machine", (RefreshMachine,), {"runner": runner, "database": database})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=40 if database.is_sqlite else 15,
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    phases=set(Phase) - {Phase.explain},
                ),
            )
        finally:
            runner.run(database.close())
