"""Shares of shared buckets on simulated instances, a simulated Redis and a simulated clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from access.buckets import Buckets, Charge, Rule, flow
from access.redis_buckets import Change, key_of
from access.shares import MAX_CHANGES, SHARE_SECONDS, Shares
from tests.access.test_buckets import Clock

RULE = Rule("VIEWER", 1_000, 100.0)
SHARE = 10


@dataclass
class World:
    """Redis, the clock, and for each key the level that the bucket would have if Redis knew each charge at once."""

    clock: Clock = field(default_factory=Clock)
    kept: dict[str, tuple[float, float]] = field(default_factory=dict)
    true: dict[str, tuple[float, float]] = field(default_factory=dict)

    def change(self, changes: list[Change]) -> list[tuple[float, bool]]:
        """Do as the script does."""
        found = []
        for key, rule, added, asked in changes:
            level, at = self.kept.get(key, (0.0, 0.0))
            found.append(flow(level, self.clock() - at, rule, added, asked))
            self.kept[key] = found[-1][0], self.clock()
            if asked and found[-1][1]:
                self.count(key, asked)
        return found

    def count(self, key: str, points: float) -> float:
        """Add points to the true level, or refund them, and return the level."""
        level, at = self.true.get(key, (0.0, 0.0))
        level = max(0.0, max(0.0, level - (self.clock() - at) * RULE.drain) + points)
        self.true[key] = level, self.clock()
        return level


class Instance:
    """One instance: its shares, and the state of its reconciliation."""

    def __init__(self, world: World, most: int = 50_000) -> None:
        self.world = world
        self.wakes = 0
        self.shares = Shares(world.clock, self.wake, most)
        self.changes: list[Change] | None = None
        self.levels: list[tuple[float, bool]] | None = None
        self.charges: list[Charge] = []
        self.refusals: list[Charge] = []
        self.lost = 0
        self.waits = True
        self.counted: Counter[str] = Counter()
        """Points of charges that Redis does not know, by key, and those that it will know after the reconciliation."""
        self.counted_in_changes: Counter[str] = Counter()

    def wake(self) -> None:
        self.wakes += 1

    def charge(self, key: str, cost: float, rule: Rule = RULE) -> Charge | None:
        """Charge without a wait, and ask if that can't decide."""
        charge = self.shares.charge(key, rule, cost)
        if charge is None:
            self.shares.ask(key, rule, cost, self.answer)
        elif charge.admitted:
            self.world.count(key_of(rule, key), cost)
            self.counted[key_of(rule, key)] += cost  # type: ignore[assignment]
            self.charges.append(charge)
        else:
            self.refusals.append(charge)
        return charge

    def answer(self, charge: Charge | None) -> bool:
        if charge is None:
            self.lost += 1
        elif not charge.admitted:
            self.refusals.append(charge)
        elif self.waits:
            self.charges.append(charge)
        return self.waits

    def settle(self, share: float) -> None:
        """Settle the oldest charge at a share of its cost."""
        if self.charges:
            charge = self.charges.pop(0)
            self.shares.settle(charge, charge.cost * share)

    def step(self) -> None:
        """Take one step of a reconciliation: send, run the script, or receive the answer."""
        if self.changes is None:
            self.changes = self.shares.take(touched=True)
            self.counted_in_changes = Counter()
            for change in self.changes:
                self.counted_in_changes[change.key] += self.counted.pop(change.key, 0)
        elif self.levels is None:
            for key, _, added, _ in self.changes:  # refunds count from here: before, no other instance knows them
                self.world.count(key, added - self.counted_in_changes.pop(key, 0))
            self.levels = self.world.change(self.changes)
        else:
            self.shares.apply(self.levels)
            self.changes = self.levels = None

    def reconcile(self) -> None:
        """End the reconciliation that is under way, and do a whole one."""
        while self.changes is not None:
            self.step()
        for _ in range(3):
            self.step()


def walk(world: World, instances: list[Instance], rule: Rule, random: Random) -> Iterator[None]:
    """Take random steps: charges, settlements, parts of reconciliations, waits, cancelled asks, other buckets."""
    costs = [1, 2, 5, 10, rule.capacity // 3, rule.capacity]
    waits = [0.001, 0.01, 0.05, 0.1, 1, rule.capacity / rule.drain, 2 * rule.capacity / rule.drain]
    for number in range(600):
        instance = random.choice(instances)
        (step,) = random.choices(["charge", "settle", "step", "wait", "other", "leave"], [45, 10, 20, 11, 10, 4])
        if step == "charge":
            instance.charge("ann", random.choice(costs), rule)
        elif step == "settle":
            instance.settle(random.choice([0, 0, 0.5, 1]))
        elif step == "step":
            instance.step()
        elif step == "wait":
            world.clock.now += random.choice(waits if number % 10 == 0 else waits[:4])
        elif step == "leave":
            instance.waits = not instance.waits
        else:  # a new bucket, so that empty ones are dropped
            instance.charge(f"other {number}", 1, rule)
        yield


@settings(max_examples=150)
@given(seed=st.integers(0, 10**9), count=st.sampled_from([1, 2, 4, 8]), capacity=st.sampled_from([20, 50, 200, 1_000]))
def test_a_bucket_exceeds_its_capacity_by_at_most_a_share_for_each_instance(
    seed: int, count: int, capacity: int
) -> None:
    rule = RULE._replace(capacity=capacity)
    world = World()
    instances = [Instance(world) for _ in range(count)]
    key = key_of(rule, "ann")
    for _ in walk(world, instances, rule, Random(seed)):
        assert world.count(key, 0) <= capacity + count * SHARE_SECONDS * rule.drain + 1e-6


def test_the_bound_is_reached_and_the_excess_delays_later_charges() -> None:
    world = World()
    instances = [Instance(world) for _ in range(5)]
    instances[0].charge("ann", 1_000)
    instances[0].reconcile()
    for instance in instances[1:]:
        for _ in range(SHARE + 5):
            instance.charge("ann", 1)
    key = key_of(RULE, "ann")
    assert world.count(key, 0) == 1_000 + 4 * SHARE
    for instance in instances:
        instance.reconcile()
    assert world.kept[key][0] == world.count(key, 0) == 1_000 + 4 * SHARE
    for refused, level in ((25, 1_015), (25, 995)):
        world.clock.now += 0.25
        for instance in instances:
            instance.charge("ann", 1)
            instance.reconcile()
        assert (sum(len(each.refusals) for each in instances), world.count(key, 0)) == (refused, level)


@settings(max_examples=150)
@given(
    steps=st.lists(
        st.tuples(st.floats(0, 3), st.integers(0, 1_100), st.floats(0, 1.2)),
        max_size=40,
    )
)
def test_one_instance_that_reconciles_at_once_decides_as_buckets_in_memory(
    steps: list[tuple[float, int, float]],
) -> None:
    world = World()
    instance, memory = Instance(world), Buckets(world.clock)
    for seconds, cost, share in steps:
        world.clock.now += seconds
        charge = memory.charge("ann", RULE, cost)
        instance.charge("ann", cost)
        instance.reconcile()
        found = (instance.charges or instance.refusals).pop()
        assert found.admitted is charge.admitted
        assert found.level == pytest.approx(charge.level, abs=1e-6)
        settled = instance.shares.settle(found, found.cost * share)
        instance.reconcile()
        assert settled.level == pytest.approx(memory.settle(charge, charge.cost * share).level, abs=1e-6)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def instance(world: World) -> Instance:
    return Instance(world)


def admitted(instance: Instance, cost: float, key: str = "ann") -> bool | None:
    charge = instance.shares.charge(key, RULE, cost)
    return charge and charge.admitted


def test_a_charge_above_the_share_must_be_asked_for(instance: Instance) -> None:
    assert [admitted(instance, cost) for cost in (SHARE - 1, 2, 1, 1, 0, 1_001)] == [
        True,
        None,
        True,
        None,
        True,
        False,
    ]


def test_each_reconciliation_gives_a_new_share_while_there_is_room(instance: Instance, world: World) -> None:
    for _ in range(100):
        assert admitted(instance, SHARE) is True
        assert admitted(instance, 1) is None or world.kept[key_of(RULE, "ann")][0] == 990
        instance.reconcile()
    assert admitted(instance, 1) is False
    world.clock.now += 0.0625
    assert admitted(instance, 7) is False
    assert admitted(instance, 6) is None


def test_a_known_level_refuses_charges_for_a_tenth_of_a_second(instance: Instance, world: World) -> None:
    other = Instance(world)
    other.charge("ann", 1_000)
    other.reconcile()
    instance.charge("ann", 900)
    instance.reconcile()
    other.settle(0)
    other.reconcile()
    assert admitted(instance, 900) is False
    world.clock.now += 0.0625
    assert admitted(instance, 900) is False
    world.clock.now += 0.0625
    assert admitted(instance, 900) is None


def test_a_charge_during_a_reconciliation_counts_for_the_next_one(instance: Instance, world: World) -> None:
    assert admitted(instance, 4) is True
    instance.step()
    assert admitted(instance, 6) is True
    assert admitted(instance, 1) is None
    instance.step()
    assert world.kept[key_of(RULE, "ann")][0] == 4
    instance.step()
    assert [admitted(instance, cost) for cost in (5, 4)] == [None, True]
    instance.reconcile()
    assert world.kept[key_of(RULE, "ann")][0] == 14


def test_asks_are_decided_in_their_order(instance: Instance) -> None:
    for cost in (400, 700, 600, 300):
        instance.charge("ann", cost)
    instance.reconcile()
    assert [charge.cost for charge in instance.charges] == [400, 600]
    assert [(charge.cost, charge.level) for charge in instance.refusals] == [(700, 400), (300, 1_000)]


def test_an_ask_that_nobody_waits_for_costs_nothing(instance: Instance, world: World) -> None:
    instance.waits = False
    instance.charge("ann", 400)
    instance.reconcile()
    assert world.kept[key_of(RULE, "ann")][0] == 400
    instance.reconcile()
    assert world.kept[key_of(RULE, "ann")][0] == 0


def test_a_refund_reaches_redis_with_the_next_ask(instance: Instance, world: World) -> None:
    instance.charge("ann", 1_000)
    instance.reconcile()
    assert instance.shares.settle(instance.charges.pop(), 10).level == 10
    assert admitted(instance, 500) is None
    instance.charge("ann", 500)
    instance.reconcile()
    assert [(charge.cost, charge.level) for charge in instance.charges] == [(500, 510)]


def test_a_refund_after_the_drain_leaves_no_credit(instance: Instance, world: World) -> None:
    instance.charge("ann", 900)
    instance.reconcile()
    world.clock.now += 20
    assert instance.shares.settle(instance.charges.pop(), 0).level == 0
    assert admitted(instance, 8) is True
    instance.reconcile()
    assert world.kept[key_of(RULE, "ann")][0] == 8


def test_a_refused_charge_has_nothing_to_settle(instance: Instance) -> None:
    instance.charge("ann", 1_001)
    (refusal,) = instance.refusals
    assert instance.shares.settle(refusal, 0) == refusal
    assert instance.shares.take(touched=True) == []


def test_only_the_first_touched_share_and_each_ask_wake_the_reconciliation(instance: Instance) -> None:
    for key in ("ann", "ann", "bob"):
        admitted(instance, 1, key)
    assert instance.wakes == 1
    instance.charge("ann", 500)
    assert instance.wakes == 2
    instance.reconcile()
    assert instance.shares.take(touched=True) == []
    admitted(instance, 1)
    assert instance.wakes == 3


def test_without_touched_shares_a_reconciliation_has_only_what_was_asked_for(instance: Instance) -> None:
    admitted(instance, 3, "ann")
    admitted(instance, 4, "bob")
    instance.charge("bob", 500)
    assert [(change.added, change.asked) for change in instance.shares.take(touched=False)] == [(4, 500)]
    instance.shares.apply([(504, True)])
    assert [(change.added, change.asked) for change in instance.shares.take(touched=True)] == [(3, 0)]


def test_a_reconciliation_has_a_limited_number_of_changes(instance: Instance, world: World) -> None:
    for number in range(2 * MAX_CHANGES):
        admitted(instance, 1, f"key {number}")
    for _ in range(MAX_CHANGES + 10):
        instance.shares.ask("ann", RULE, 1, instance.answer)
    sizes = []
    while changes := instance.shares.take(touched=True):
        sizes.append(len(changes))
        instance.shares.apply(world.change(changes))
    assert sizes == [MAX_CHANGES, MAX_CHANGES, MAX_CHANGES, 10]
    assert world.kept[key_of(RULE, "ann")][0] == MAX_CHANGES + 10
    assert all(level == 1 for key, (level, _) in world.kept.items() if key != key_of(RULE, "ann"))


def test_giving_up_answers_each_ask_once(instance: Instance) -> None:
    instance.charge("ann", 500)
    instance.step()
    instance.charge("bob", 500)
    instance.shares.give_up()
    instance.shares.give_up()
    assert (instance.lost, instance.charges) == (2, [])


def test_shares_without_a_level_and_without_charges_are_dropped(instance: Instance, world: World) -> None:
    for number in range(1_000):
        instance.charge(f"old {number}", 1)
    assert len(instance.shares) == 1_000
    world.clock.now += 60
    instance.charge("busy", 1)
    assert len(instance.shares) == 1_001
    for _ in range(3):
        instance.reconcile()
    world.clock.now += 60
    instance.charge("busy", 1)
    for number in range(400):
        instance.charge(f"new {number}", 1)
    assert len(instance.shares) == 401
