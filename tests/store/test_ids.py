"""Ids: they are TypeIDs, by the test vectors of the specification, and sort in the order of their creation."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from store.sql import ids
from store.sql.clock import now_ns, utcnow
from store.sql.ids import kind_of, new_id, new_ids, write_id

# From the specification's valid.json: a UUID and its suffix.
VALID = [
    ("00000000-0000-0000-0000-000000000000", "00000000000000000000000000"),
    ("00000000-0000-0000-0000-000000000001", "00000000000000000000000001"),
    ("00000000-0000-0000-0000-00000000000a", "0000000000000000000000000a"),
    ("00000000-0000-0000-0000-000000000010", "0000000000000000000000000g"),
    ("00000000-0000-0000-0000-000000000020", "00000000000000000000000010"),
    ("ffffffff-ffff-ffff-ffff-ffffffffffff", "7zzzzzzzzzzzzzzzzzzzzzzzzz"),
    ("0110c853-1d09-52d8-d73e-1194e95b5f19", "0123456789abcdefghjkmnpqrs"),
    ("01890a5d-ac96-774b-bcce-b302099a8057", "01h455vb4pex5vsknk084sn02q"),
]
# From the specification's invalid.json: suffixes.
INVALID = [
    "1234567890123456789012345",
    "123456789012345678901234567",
    "0123456789ABCDEFGHJKMNPQRS",
    "123456789-0123456789-01234",
    "i23456789ol23456789oi23456",
    "u0000000000000000000000000",
    "8zzzzzzzzzzzzzzzzzzzzzzzzz",
    "123456789-123456789-123456",
    " 1234567890123456789012345",
    "",
]


@pytest.mark.parametrize(("number", "suffix"), VALID)
def test_a_uuid_is_encoded_as_in_the_specification(number: str, suffix: str) -> None:
    assert write_id("analysis", uuid.UUID(number).int) == f"analysis_{suffix}"
    assert kind_of(f"analysis_{suffix}") == "analysis"


@pytest.mark.parametrize("suffix", INVALID)
def test_a_malformed_id_has_no_kind(suffix: str) -> None:
    assert kind_of(f"analysis_{suffix}") is None
    assert kind_of(suffix) is None
    assert kind_of(f"analysis{suffix}") is None


def test_a_suffix_alone_has_no_kind() -> None:
    assert kind_of("_01h455vb4pex5vsknk084sn02q") is None
    assert kind_of("01h455vb4pex5vsknk084sn02q") is None
    assert kind_of("analysis_01h455vb4pex5vsknk084sn02q\n") is None


def test_ids_grow() -> None:
    ids = [id_ for count in (1, 60_000, 2) * 2 for id_ in new_ids("batch", count)]
    ids += [new_id("batch") for _ in range(1000)]
    assert len(ids) == 121_006
    assert ids == sorted(set(ids))
    assert re.fullmatch(r"batch_[0-7][0-9a-hjkmnp-tv-z]{25}", ids[0])


def test_an_id_is_a_uuid_of_version_7_with_its_time() -> None:
    before = utcnow() - timedelta(milliseconds=1)
    number = uuid.UUID(int=ids._new_uuids(1)[0])
    assert (number.version, number.variant) == (7, uuid.RFC_4122)
    assert before <= datetime.fromtimestamp((number.int >> 80) / 1000, UTC) <= utcnow()


def test_ids_grow_also_if_the_clock_stops_or_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = now_ns()
    monkeypatch.setattr(ids, "now_ns", lambda: now)
    made = [new_id("batch") for _ in range(1000)]
    monkeypatch.setattr(ids, "now_ns", lambda: now - 3600 * 10**9)
    made += [new_id("batch") for _ in range(1000)]
    monkeypatch.setattr(ids, "now_ns", lambda: now + 10**6)
    made.append(new_id("batch"))
    assert made == sorted(set(made))
