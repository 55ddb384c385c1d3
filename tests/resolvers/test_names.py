"""Names and keys: refused characters, and names without anything visible."""

from __future__ import annotations

import pytest

from resolvers.ingest import LineFault
from resolvers.user_errors import UserError, UserErrorCode, check_name

PATH = ["name"]


@pytest.mark.parametrize(
    "code",
    [
        *(0x00, 0x09, 0x0A, 0x1B, 0x1F, 0x7F),
        *(0x80, 0x85, 0x9B, 0x9F),
        *(0x2028, 0x2029),
        *(0x202A, 0x202B, 0x202C, 0x202D, 0x202E),
        *(0x2066, 0x2067, 0x2068, 0x2069),
        *(0xD800, 0xDFFF),
    ],
)
def test_a_control_is_refused_by_its_number(code: int) -> None:
    message = f"`name` contains a control character, U+{code:04X}: remove it."
    assert list(check_name("name", f"a{chr(code)}b", PATH)) == [UserError(UserErrorCode.INVALID, message, PATH)]


@pytest.mark.parametrize(
    "name",
    [
        " ",
        "\u00a0\u3000",
        "\u200b",
        "\u200d",
        "\u200c\u200d",
        "\u200e\u200f",
        "\u2060\ufeff",
        "\u00ad",
        "\ufe0f",
        "\u0301",
        "\u115f\u1160",
        "\u3164",
        "\uffa0",
        "\u2800",
        "\u180e",
        "\U000e0001\U000e0041",
    ],
)
def test_a_name_without_a_visible_character_is_refused(name: str) -> None:
    message = "`name` has no visible character: it must have at least one letter, digit or symbol."
    assert list(check_name("name", name, PATH)) == [UserError(UserErrorCode.INVALID, message, PATH)]


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "0",
        "-",
        " a ",
        "Größe 3",
        "שלום",
        "مرحبا\u200f",
        "می\u200cخواهم",  # Persian needs the non-joiner
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # one emoji of three
        "❤\ufe0f",
        "e\u0301",
        "นี้",
        "x" * 200,
        None,
    ],
)
def test_a_visible_name_is_taken(name: str | None) -> None:
    assert list(check_name("name", name, PATH)) == []


def test_a_quoted_line_controls_no_terminal() -> None:
    assert str(LineFault("it has `a\x1b[2J\r\nb\x9b`.")) == "it has `a�[2J b�`."
