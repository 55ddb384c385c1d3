"""The rules of limits: defaults, and changes by `ASSAY_LIMITS`."""

from __future__ import annotations

import re

import pytest

from access.charging import CHARGED
from access.rules import DEFAULT_RULES, parse_rules
from tests.support import ROOT


def test_the_defaults() -> None:
    assert {rule.name: (rule.capacity, rule.drain, rule.policy) for rule in DEFAULT_RULES.values()} == {
        "VIEWER": (50_000, 2_000, "cost"),
        "ANALYST": (100_000, 5_000, "cost"),
        "ADMIN": (200_000, 10_000, "cost"),
        "ADDRESS": (100, 2, "address"),
        "SIGN_IN_NAME_AND_ADDRESS": (5, 1 / 60, "sign-in"),
        "SIGN_IN_ADDRESS": (20, 1 / 3, "sign-in"),
        "SIGN_IN_NAME": (100, 1 / 36, "sign-in"),
    }
    assert all(name == rule.name for name, rule in DEFAULT_RULES.items())


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_an_empty_setting_changes_nothing(text: str) -> None:
    assert parse_rules(text) == DEFAULT_RULES


def test_given_limits_change_and_the_others_stay() -> None:
    rules = parse_rules(" viewer = 60000 / 2500 ,SIGN_IN_NAME=200/0.05,")
    assert rules == {
        **DEFAULT_RULES,
        "VIEWER": DEFAULT_RULES["VIEWER"]._replace(capacity=60_000, drain=2_500),
        "SIGN_IN_NAME": DEFAULT_RULES["SIGN_IN_NAME"]._replace(capacity=200, drain=0.05),
    }
    assert list(rules) == list(DEFAULT_RULES)


FORM = "must be NAME=CAPACITY/DRAIN, such as VIEWER=50000/2000; commas separate several."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("VIEWER", f"'VIEWER' {FORM}"),
        ("VIEWER=5", f"'VIEWER=5' {FORM}"),
        ("VIEWER=-5/1", f"'VIEWER=-5/1' {FORM}"),
        ("VIEWER=5.5/1", f"'VIEWER=5.5/1' {FORM}"),
        ("VIEWER=5/1e3", f"'VIEWER=5/1e3' {FORM}"),
        ("VIEWER=5/nan", f"'VIEWER=5/nan' {FORM}"),
        ("VIEWER=٥/1", f"'VIEWER=٥/1' {FORM}"),
        ("VIEWER=50000/2000 ADMIN=1/1", f"'VIEWER=50000/2000 ADMIN=1/1' {FORM}"),
        (
            "OWNER=5/1",
            (
                "OWNER is not a limit: the limits are VIEWER, ANALYST, ADMIN, ADDRESS, SIGN_IN_NAME_AND_ADDRESS, "
                "SIGN_IN_ADDRESS, SIGN_IN_NAME."
            ),
        ),
        ("VIEWER=5/1,viewer=6/1", "VIEWER is given twice: give each limit once."),
        ("VIEWER=0/1", "The capacity of VIEWER must be from 1 to 1,000,000,000."),
        ("VIEWER=1000000001/1000000", "The capacity of VIEWER must be from 1 to 1,000,000,000."),
        (
            "VIEWER=5/0",
            (
                "The drain of VIEWER must be from 0.000058 to 1,000,000,000 a second: a full bucket must be empty "
                "within a day."
            ),
        ),
        (
            "SIGN_IN_NAME=86401/1",
            (
                "The drain of SIGN_IN_NAME must be from 1.000012 to 1,000,000,000 a second: a full bucket must be "
                "empty within a day."
            ),
        ),
    ],
)
def test_an_invalid_setting_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_rules(text)


@pytest.mark.parametrize(
    "text", ["VIEWER=86400/1", "VIEWER=1000000000/1000000000", "VIEWER=1/0.000012", "VIEWER=5/0.000058"]
)
def test_the_bounds_are_allowed(text: str) -> None:
    assert parse_rules(text)["VIEWER"] != DEFAULT_RULES["VIEWER"]


def test_the_documentation_has_the_limits_of_operations_and_requests() -> None:
    page = (ROOT / "docs" / "limits.md").read_text()
    found = re.findall(r"^\| `(\w+)` \| ([\d,]+) \w+ \| ([\d,]+) \|", page, flags=re.MULTILINE)
    listed = {name: (int(full.replace(",", "")), float(drain.replace(",", ""))) for name, full, drain in found}
    assert listed == {name: DEFAULT_RULES[name][1:3] for name in CHARGED}
