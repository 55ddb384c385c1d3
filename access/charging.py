"""Charges of callers with the costs of their operations: the bucket of each caller, and the state of a charge.

A caller with an account or an API key has the bucket of its role. The local administrator of a server without sign-in
has none. A caller without a credential has the bucket of its address, in requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Mapping
from typing import Any

from access import limit_headers
from access.buckets import Charge, Rule
from access.limits import Limits
from access.rules import DEFAULT_RULES
from access.sign_in_throttle import place_of
from store.sql.ids import kind_of
from store.sql.viewer import Viewer

CHARGED = ("VIEWER", "ANALYST", "ADMIN", "ADDRESS")
"""The rules of operations and requests."""


class Charged:
    """The charge of an operation. `latest` is the charge after the refund, or the first one before."""

    __slots__ = ("_limits", "_settled", "first", "latest")

    def __init__(self, limits: Limits, charge: Charge) -> None:
        self._limits = limits
        self._settled = False
        self.first = self.latest = charge

    @property
    def admitted(self) -> bool:
        """Whether the operation may run."""
        return self.first.admitted

    @property
    def capacity(self) -> int:
        """The points of a full bucket: no operation with a higher cost is ever admitted."""
        return self.first.rule.capacity

    @property
    def cost(self) -> int:
        """The points charged: after `settle`, those of the actual cost."""
        return int(self.latest.cost)

    @property
    def retry_after(self) -> int:
        """The seconds until the bucket is full again, at least 1."""
        return limit_headers.retry_after(self.latest)

    def settle(self, cost: int) -> None:
        """Replace the cost by the actual cost, and refund the difference."""
        self._settled = True
        if cost != self.first.cost:
            self.latest = self._limits.settle(self.first, cost)

    def extension(self) -> dict[str, Any]:
        """Return `extensions.cost`."""
        return limit_headers.cost_extension(self.first, self.latest if self._settled else None)

    def headers(self) -> dict[str, str]:
        """Return the header fields of an answer over HTTP."""
        fields = {
            "ratelimit-policy": limit_headers.policy_header(self.latest.rule),
            "ratelimit": limit_headers.limit_header(self.latest),
        }
        return fields if self.admitted else fields | {"retry-after": str(self.retry_after)}


class Charging:
    """Charges the callers of one instance."""

    def __init__(self, limits: Limits, rules: Mapping[str, Rule] = DEFAULT_RULES) -> None:
        self.limits = limits
        self.refusals: Counter[str] = Counter(dict.fromkeys(CHARGED, 0))
        """Refused charges by the name of the rule."""
        self._rules = rules

    def charge(self, viewer: Viewer, cost: int) -> Charged | Awaitable[Charged] | None:
        """Charge the bucket of a caller, or refuse the charge. None if no limit applies to the caller.

        The result is to be awaited only if Redis decides on the charge.
        """
        key = _key(viewer)
        if key is None or viewer.role is None:
            return None
        return self._charge(key, self._rules[viewer.role], cost)

    def admit(self, viewer: Viewer, address: str) -> Charged | Awaitable[Charged] | None:
        """Charge a request of a caller without a credential to the bucket of its address. None for all others."""
        if viewer.role is not None:
            return None
        return self._charge(place_of(address), self._rules["ADDRESS"], 1)

    def _charge(self, key: str, rule: Rule, cost: int) -> Charged | Awaitable[Charged]:
        charge = self.limits.charge(key, rule, cost)
        return self._ask(key, rule, cost) if charge is None else self._count(charge)

    async def _ask(self, key: str, rule: Rule, cost: int) -> Charged:
        return self._count(await self.limits.ask(key, rule, cost))

    def _count(self, charge: Charge) -> Charged:
        self.refusals[charge.rule.name] += not charge.admitted
        return Charged(self.limits, charge)


def _key(viewer: Viewer) -> str | None:
    """Return the id of the API key or of the user; None for the local administrator and for no credential."""
    if viewer.credential_id is not None and kind_of(viewer.credential_id) == "apikey":
        return viewer.credential_id
    return viewer.user_id
