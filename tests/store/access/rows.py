"""Rows of the tables of access, with default values for the columns that a test does not set."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from store import tables
from store.sql.ids import new_id
from tests.resolvers.rows import NOW, Row


def user(name: str, **values: Any) -> Row:
    fixed = {"id": new_id("user"), "name": name, "is_administrator": False, "is_active": True, "created_at": NOW}
    return Row(tables.user, fixed | values)


def workspace(slug: str, **values: Any) -> Row:
    id_ = new_id("workspace")
    return Row(tables.workspace, {"id": id_, "key": id_, "slug": slug, "name": slug, "created_at": NOW} | values)


def membership(user_id: str, **values: Any) -> Row:
    fixed = {"id": new_id("membership"), "workspace": "default", "user_id": user_id, "role": "ADMIN", "created_at": NOW}
    return Row(tables.membership, fixed | values)


def api_key(hash_: str, **values: Any) -> Row:
    fixed = {"id": new_id("apikey"), "workspace": "default", "name": "key", "start": "assayk_abcde", "hash": hash_}
    return Row(tables.api_key, fixed | {"role": "ADMIN", "created_by": "user_1", "created_at": NOW} | values)


def signin(user_id: str, **values: Any) -> Row:
    fixed = {"id": new_id("signin"), "user_id": user_id}
    return Row(tables.signin, fixed | dict.fromkeys(("created_at", "last_used_at", "expires_at"), NOW) | values)


def refresh(hash_: str, **values: Any) -> Row:
    return Row(tables.refresh, {"hash": hash_, "signin_id": "signin_1", "expires_at": NOW} | values)


def invitation(user_id: str, **values: Any) -> Row:
    fixed = {"user_id": user_id, "hash": f"hash of {user_id}", "created_at": NOW, "expires_at": NOW}
    return Row(tables.invitation, fixed | values)


def access_change(**values: Any) -> Row:
    return Row(tables.access_change, {"subject_id": "user_1", "user_id": "user_1", "occurred_at": NOW} | values)


def audit(**values: Any) -> Row:
    # Old enough to be deleted.
    fixed = {
        "id": new_id("audit"),
        "at": NOW - timedelta(days=30),
        "action": "user.created",
        "outcome": "DONE",
        "actor_kind": "SYSTEM",
    }
    return Row(tables.audit, fixed | {"actor_name": "system", "details": "{}"} | values)
