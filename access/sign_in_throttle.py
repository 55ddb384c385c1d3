"""The throttle of failed sign-ins: by name and address, by address, and by name.

Each attempt is charged to all three before its password is checked, so that parallel attempts can't pass together, and
is refunded if it succeeds. The buckets drain: after the end of an attack, the owner of a name can sign in within
seconds to a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network, ip_address

from access.buckets import Charge, Rule
from access.limits import Limits


@dataclass(slots=True)
class SignInAttempt:
    """An attempt to sign in. It counts as failed until `succeed`."""

    limits: Limits
    charges: list[Charge] = field(default_factory=list)
    refusal: Charge | None = None
    """The charge that was refused: the attempt must not check the password. None if there is none."""

    def succeed(self) -> None:
        """Refund the attempt."""
        for charge in self.charges:
            self.limits.settle(charge, 0)
        self.charges.clear()


async def begin_sign_in(limits: Limits, rules: Mapping[str, Rule], name: str, address: str) -> SignInAttempt:
    """Charge an attempt to the three buckets of the name as given and the client's address.

    If one of them refuses, none is charged.
    """
    name, place = name.lower(), place_of(address)
    attempt = SignInAttempt(limits)
    keys = {"SIGN_IN_ADDRESS": place, "SIGN_IN_NAME_AND_ADDRESS": f"{name} {place}", "SIGN_IN_NAME": name}
    for rule, key in keys.items():
        charge = limits.charge(key, rules[rule], 1) or await limits.ask(key, rules[rule], 1)
        if not charge.admitted:
            attempt.succeed()
            attempt.refusal = charge
            break
        attempt.charges.append(charge)
    return attempt


def place_of(address: str) -> str:
    """Return the key of an address: of IPv6, its network of 64 bits, since one client has all addresses of it.

    An IPv4 address that is written as IPv6 is the same as in IPv4. Anything else than an address is its own key.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((int(parsed), 64), strict=False))
    return str(parsed)
