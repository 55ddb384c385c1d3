"""The subjects as clients see them: the loader and the GraphQL types of each kind; and any object by its id."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import store.subjects
from execution.errors import ClientError, ErrorCode
from resolvers import accounts
from resolvers.context import Context, Load
from store.analyses import analyses_by_id
from store.batches import batches_by_id
from store.bulk_actions import bulk_actions_by_id
from store.queue.workers import workers_by_id
from store.sql.ids import kind_of
from store.tables import AlertEventType, QueueEventType

MAX_NODES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One kind of object, by the names of its types in the schema."""

    type_name: str
    event_type_name: str
    load: Load[Any]
    """Reads rows by their ids, those that the viewer may see."""


# By kind, the prefix of ids: the same kinds as in `store.subjects`.
SUBJECTS: Mapping[str, Subject] = {
    "analysis": Subject(type_name="Analysis", event_type_name="AnalysisEvent", load=analyses_by_id),
    "batch": Subject(type_name="Batch", event_type_name="BatchEvent", load=batches_by_id),
    "bulk": Subject(type_name="BulkAction", event_type_name="BulkActionEvent", load=bulk_actions_by_id),
}


# By event type, the name of the GraphQL type of its events.
EVENT_TYPE_NAMES: Mapping[str, str] = {
    **{
        each: subject.event_type_name
        for kind, subject in SUBJECTS.items()
        for each in store.subjects.SUBJECTS[kind].event_types
    },
    **dict.fromkeys(AlertEventType, "AlertEvent"),
    **dict.fromkeys(QueueEventType, "QueueEvent"),
}


async def _analyzer(context: Context, id_: str) -> Any | None:
    return context.services.analyzers.get(id_.removeprefix("analyzer_"))


async def _worker(context: Context, id_: str) -> Any | None:
    return (await workers_by_id(context.services.database, [id_])).get(id_)


@dataclass(frozen=True, slots=True)
class Account:
    """One kind of object of access, which has no events: its type in the schema, and its nouns."""

    type_name: str
    nouns: tuple[str, str, str]
    load: Load[Any]
    """Reads rows by their ids, those that the viewer may see."""


# By kind, the prefix of ids.
ACCOUNTS: Mapping[str, Account] = {
    "user": Account("User", ("A", "user", "users"), accounts.visible_users),
    "workspace": Account("Workspace", ("A", "workspace", "workspaces"), accounts.visible_workspaces),
    "membership": Account("Membership", ("A", "membership", "memberships"), accounts.visible_memberships),
    "apikey": Account("ApiKey", ("An", "API key", "API keys"), accounts.visible_api_keys),
    "signin": Account("SignInSession", ("A", "sign-in session", "sign-in sessions"), accounts.own_sessions),
    "audit": Account("AuditEntry", ("An", "audit entry", "audit entries"), accounts.visible_entries),
}

# Other nodes, by kind: every viewer sees them.
_OTHERS: Mapping[str, Callable[[Context, str], Awaitable[Any | None]]] = {"worker": _worker, "analyzer": _analyzer}


async def node(context: Context, id_: str, argument: str = "id") -> Any | None:
    """Return the object with this id. None if it does not exist. Raises ClientError if this is not an id."""
    # The id of an analyzer is its name, and not a typed id.
    kind = "analyzer" if id_.startswith("analyzer_") else kind_of(id_) or ""
    if kind in SUBJECTS:
        return await context.load(SUBJECTS[kind].load, id_)
    if kind in ACCOUNTS:
        return await context.load_together(ACCOUNTS[kind].load, id_)
    if kind in _OTHERS:
        return await _OTHERS[kind](context, id_)
    *first, last = [f"`{each}_…`" for each in (*SUBJECTS, *ACCOUNTS, *_OTHERS)]
    message = f"`{argument}` is not an id: ids have the forms {', '.join(first)} and {last}."
    raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument=argument)


async def nodes(context: Context, ids: Sequence[str]) -> list[Any | None]:
    """Return one object or None for each id, in order. Raises ClientError for more than 100 ids."""
    if len(ids) > MAX_NODES:
        message = f"`ids` has {len(ids):,} ids: it may have at most {MAX_NODES}."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="ids")
    return list(await asyncio.gather(*(node(context, id_, "ids") for id_ in ids)))


def is_row_of(type_name: str, value: object) -> bool:
    """Return whether the value is a row of the subject or account whose type has this name in the schema."""
    kind = kind_of(getattr(value, "id", "")) or ""
    found = SUBJECTS.get(kind) or ACCOUNTS.get(kind)
    return found is not None and found.type_name == type_name
