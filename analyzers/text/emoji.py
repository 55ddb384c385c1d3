"""Feelings of emoji, on the scale of VADER's word list from -4 to 4.

VADER reads the description of an emoji, in which single words mislead: "beating heart" and "face with tears of joy"
count as negative. These values, set for this project, replace the descriptions.
"""

from __future__ import annotations

_BY_VALUE = {
    3.0: "😍🥰🤩❤💖💝🏆🥳",
    2.5: "😃😄😁😀😂🤣😘💓💗💕💞💘💙💚💛💜🧡🤍🤎🎉💯👏",
    2.0: "🙂😊😇☺😆😎🤗👍👌🙌💪✨🌟⭐🎊😻💐🥂",
    1.2: "😉😋😅🤭😏🙏🤞✅🔥🌹🌞",
    -1.2: "😑🙄😬😕🙁☹😟❌",
    -2.0: "😞😔😒😖😣😩😫😓😥😰😨😱👎🤢🤦💀😿",
    -2.6: "😢😭😠😤🤮💔🖕💩",
    -3.0: "😡🤬👿",
}

EMOJI = {char: value for value, chars in _BY_VALUE.items() for char in chars}
"""The value of each emoji."""
