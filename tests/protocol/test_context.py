"""Timers: what is cancelled is forgotten before it would be due; commits that the store refuses."""

from __future__ import annotations

from functools import partial
from random import Random

from p2pchat.config.settings import Settings
from p2pchat.model.records import Applied
from p2pchat.protocol import effects
from p2pchat.protocol.context import COMMIT_AGAIN_S, Context
from p2pchat.protocol.identity import Identity


def context() -> Context:
    return Context(Identity(bytes(32), bytes(32)), bytes(32), Settings(), Random(1))


def test_cancelled_timers_dont_pile_up() -> None:
    ctx = context()
    fired: list[int] = []
    kept = [ctx.after(float(n), partial(fired.append, n)) for n in range(1, 4)]
    for _ in range(20_000):
        ctx.after(60.0, lambda: fired.append(-1)).cancel()
    assert len(ctx._timers) < 1000
    ctx.now = 100.0
    ctx.fire()
    assert fired == [1, 2, 3]
    kept[0].cancel()  # over already
    assert ctx.deadline() is None


def test_what_is_set_anew_at_once_waits_for_the_next_time() -> None:
    ctx = context()
    fired: list[float] = []

    def again() -> None:
        fired.append(ctx.now)
        ctx.after(0.0, again)

    again()
    ctx.fire()
    ctx.fire()
    assert len(fired) == 3


def committed(ctx: Context) -> list[int]:
    """The batches that are wanted on the disk now."""
    return [effect.batch for effect in ctx.take() if isinstance(effect, effects.Commit)]


def test_what_the_store_refuses_it_is_told_again_while_that_is_so() -> None:
    ctx = context()
    true, done = True, list[str]()
    ctx.commit_at_last(lambda: [], lambda: true, lambda: done.append("stored"))
    for _ in range(2):
        (batch,) = committed(ctx)
        ctx.fail(batch, "disk-full")
        assert committed(ctx) == []
        ctx.now += COMMIT_AGAIN_S
        ctx.fire()
    (batch,) = committed(ctx)
    ctx.resume(batch, Applied([], {}))
    assert done == ["stored"]

    ctx.commit_at_last(lambda: [], lambda: true, lambda: done.append("once more"))
    (batch,) = committed(ctx)
    ctx.fail(batch, "disk-full")
    true = False
    ctx.now += COMMIT_AGAIN_S
    ctx.fire()
    assert committed(ctx) == []
    assert done == ["stored"]
