"""Who leads: terms, leases and stepping down, as one node sees them. Times are monotonic seconds.

No safety rests on there being one leader; this only sees to it that soon there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, StrEnum

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId
from p2pchat.protocol.registrar.lease import MAX_NUMBER, Lease, LeaseRecord

Rank = tuple[int, int, bytes]


class State(StrEnum):
    OFF = "off"
    """Not willing."""
    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    """Willing, and nobody leads."""
    REGISTRAR = "registrar"


class Standing(Enum):
    """What a device's lease is worth, to a node that was given the appointing key's public half;
    to others all are PLAIN."""

    VOID = -1
    """There is an appointing key, and the device has nothing of it."""
    PLAIN = 0
    HOLDER = 1
    APPOINTED = 2


class Verdict(Enum):
    STALE = "stale"
    """Heard before, or replayed."""
    WORSE = "worse"
    """Another lease holds: tell whoever sent this."""
    RENEWED = "renewed"
    NEW = "new"
    """Someone else leads from now on, or nobody."""


class Election:
    def __init__(
        self,
        own: DeviceId,
        number: int,
        standing: Callable[[LeaseRecord], Standing],
        make: Callable[[int, bool], Lease],
    ) -> None:
        """`number`: the highest that was ever known here. `make` signs a lease of this device
        with a number, that is over or not."""
        self._own = own
        self.number = number
        self._standing = standing
        self._make = make
        self.current: Lease | None = None
        self._heard = 0.0
        """When the current lease was renewed."""
        self._ages: dict[DeviceId, tuple[int, int]] = {}
        """The newest record of each device, the least recent first."""
        self._absent: dict[DeviceId, float] = {}
        """Devices that can't be reached, and until when no lease of theirs counts."""
        self.willing = False
        self._claim_at: float | None = None

    # -- reading

    @property
    def leads(self) -> bool:
        return self.current is not None and self.current.device == self._own

    @property
    def state(self) -> State:
        if not self.willing:
            return State.OFF
        if self.leads:
            return State.REGISTRAR
        return State.CANDIDATE if self.current is None else State.FOLLOWER

    def _rank(self, lease: Lease) -> Rank:
        """The larger one holds."""
        return (
            self._standing(lease.record).value,
            lease.record.number,
            bytes(255 - byte for byte in lease.device.encode()),
        )

    def age(self, now: float) -> float:
        """Of the current lease."""
        return now - self._heard

    # -- what is heard

    def take(self, lease: Lease, now: float, age: float = 0.0) -> Verdict:
        """A lease of another device, made so many seconds ago."""
        self.expire(now)
        known = self._ages.pop(lease.device, (0, -1))
        self._ages[lease.device] = max(known, lease.age)
        if len(self._ages) > limits.LEASES_KNOWN:
            del self._ages[next(iter(self._ages))]
        if lease.age <= known or self._standing(lease.record) is Standing.VOID:
            return Verdict.STALE
        if not 0 <= age < limits.LEASE_S or now < self._absent.get(lease.device, now):
            return Verdict.STALE
        self.number = max(self.number, min(lease.record.number, MAX_NUMBER - 2))
        current = self.current
        same = current is not None and current.device == lease.device
        if lease.record.over:
            if not same:
                return Verdict.STALE
            self._follow(None, now)
            return Verdict.NEW
        if current is not None and not same and self._rank(lease) < self._rank(current):
            return Verdict.WORSE
        renewed = same and current is not None and current.record.number == lease.record.number
        self._follow(lease, now - age)
        return Verdict.RENEWED if renewed else Verdict.NEW

    def _follow(self, lease: Lease | None, now: float) -> None:
        self.current = lease
        self._heard = now
        self._claim_at = None

    def expire(self, now: float) -> bool:
        """Whether the lease has run out; one's own too: this node slept, and others may have
        elected."""
        if self.current is None or now - self._heard < limits.LEASE_S:
            return False
        self._follow(None, now)
        return True

    def unreachable(self, device: DeviceId, now: float) -> bool:
        """Every way to the device has failed: what others bring of its leases may be recordings.
        Whether it led."""
        if self.current is None or self.current.device != device or self.leads:
            return False
        self._absent = {known: until for known, until in self._absent.items() if now < until}
        self._absent[device] = now + limits.LEASE_ABSENT_S
        self._follow(None, now)
        return True

    def reached(self, device: DeviceId) -> None:
        """There is a link to it."""
        self._absent.pop(device, None)

    def judge_anew(self, now: float) -> bool:
        """What a device is worth may have changed; whether the current lease is void by that."""
        current = self.current
        if current is None or self._standing(current.record) is not Standing.VOID:
            return False
        self._follow(None, now)
        return True

    # -- leading

    def campaign(self, now: float, wait: float, mandated: bool, may: bool) -> None:
        """Where nobody leads, or someone without a mandate though this node has one, claim a term
        after so long. `may`: this node's lease would count for something here."""
        current = self.current
        open_seat = current is None or (
            mandated and not self.leads and self._standing(current.record) is not Standing.APPOINTED
        )
        if not (self.willing and may and open_seat):
            self._claim_at = None
        elif self._claim_at is None:
            self._claim_at = now + wait

    def beat(self, now: float) -> Lease | None:
        """The lease to send now: renewed, or of a term that is claimed; None: nothing is due."""
        if self.leads:
            assert self.current is not None
            if now - self._heard < limits.LEASE_RENEW_S - 0.01:
                return None
            self._heard = now
            self.current = self._make(self.current.record.number, False)
            return self.current
        if self._claim_at is None or now < self._claim_at:
            return None
        self.number = min(self.number + 1, MAX_NUMBER - 1)
        self._follow(self._make(self.number, False), now)
        return self.current

    def resign(self, now: float) -> Lease | None:
        """Lead no longer: the lease that says so, if this node led."""
        current = self.current
        if current is None or not self.leads:
            return None
        self._follow(None, now)
        return self._make(current.record.number, True)

    def due(self) -> float | None:
        """When `expire` or `beat` has something to do; None: never, as things are."""
        times = [] if self._claim_at is None else [self._claim_at]
        if self.current is not None:
            term = limits.LEASE_RENEW_S if self.leads else limits.LEASE_S
            times.append(self._heard + term)
        return min(times, default=None)
