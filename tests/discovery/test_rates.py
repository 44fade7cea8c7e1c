from __future__ import annotations

from p2pchat.discovery.rates import Heard, Throttle, TokenBucket


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_bucket() -> None:
    clock = Clock()
    bucket = TokenBucket(per_second=2, at_once=5, clock=clock)
    assert [bucket.take() for _ in range(7)] == [True] * 5 + [False] * 2
    clock.now += 1
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    clock.now += 1000
    assert [bucket.take() for _ in range(7)] == [True] * 5 + [False] * 2


def test_throttle_is_for_each_key_and_bounded() -> None:
    throttle = Throttle(per_second=0, at_once=1, limit=10, clock=Clock())
    assert [throttle.take(key) for key in ("a", "a", "b", "b")] == [True, False, True, False]
    for key in range(1000):
        assert throttle.take(key)
    assert len(throttle) == 10


def test_heard_remembers_the_newest() -> None:
    heard = Heard(limit=3)
    assert heard.note("a", 1) is None
    assert heard.note("a", 2) == 1
    for key in ("b", "c", "a", "d"):
        heard.note(key, 3)
    assert len(heard) == 3
    assert heard.note("a", 4) == 3
    assert heard.note("b", 4) is None
    heard.forget("a")
    heard.forget("nobody")
    assert heard.note("a", 5) is None
