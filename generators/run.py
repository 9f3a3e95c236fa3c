"""What makes a run what it is: its day, size, seed and share of defects."""

from dataclasses import dataclass, field, fields
from datetime import date
from typing import Self

from generators.messages import DUPLICATE
from jobs.errors import LakeproofError

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2098, 12, 31)
PAID_SHARE = 0.92
CLICKS_PER_ORDER = 3
REPORTS_PER_SHIPMENT = 2
LINES_PER_ORDER = 3
SHIPPED_SHARE = 0.95
REFUNDED_SHARE = 0.06
REVIEWED_SHARE = 0.05
MENTIONED_SHARE = 0.03


@dataclass(frozen=True)
class Defects:
    """The share of each topic's records that has a defect, per class.

    A defective record stands in place of a good one. `duplicate` is the share that is sent a
    second time. A class that makes no sense for a topic does not happen there.
    Raises: LakeproofError for a share, or a sum of shares, outside 0 to 1.
    """

    duplicate: float = 0.010
    truncated_json: float = 0.004
    wrong_type: float = 0.004
    total_mismatch: float = 0.003
    unknown_currency: float = 0.003
    missing_key: float = 0.003
    far_future: float = 0.003

    def __post_init__(self) -> None:
        for name, share in self.shares().items():
            if not 0 <= share <= 1:
                raise LakeproofError(
                    f"The share of {name} is {share}. Give a number from 0 to 1, 0.01 for 1 %."
                )
        if self.total > 1 + 1e-9:
            raise LakeproofError(
                f"The shares of defects add up to {self.total:g}. Lower them to 1 or less together."
            )

    @property
    def total(self) -> float:
        """The share of orders that is not good or is sent twice."""
        return sum(self.shares().values())

    def shares(self) -> dict[str, float]:
        """Class name -> share."""
        return {spec.name: getattr(self, spec.name) for spec in fields(self)}

    @classmethod
    def totalling(cls, total: float) -> Self:
        """The usual mix, scaled up or down to a total share; 0 gives none."""
        usual = cls()
        factor = total / usual.total
        return cls(**{name: share * factor for name, share in usual.shares().items()})


@dataclass(frozen=True)
class Run:
    """One business day (UTC) of the shop with `count` orders: equal runs emit equal bytes.

    Raises: LakeproofError for a negative count or seed, or a day the shop does not know.
    """

    day: date
    count: int
    seed: int
    defects: Defects = field(default_factory=Defects)

    def __post_init__(self) -> None:
        for name, value in (("count", self.count), ("seed", self.seed)):
            if value < 0:
                raise LakeproofError(f"The {name} is {value}. Give 0 or more.")
        if not FIRST_DAY <= self.day <= LAST_DAY:
            raise LakeproofError(
                f"The shop has no business day {self.day}. "
                f"Give a day from {FIRST_DAY} to {LAST_DAY}: 2099 is what a broken clock says."
            )

    @property
    def run_id(self) -> str:
        """The name of the run, which every message carries in its header."""
        return f"shop-{self.day}-{self.seed}-{self.count}"

    @property
    def expected_messages(self) -> int:
        """About how many messages the run emits."""
        per_payment = 1 + SHIPPED_SHARE * REPORTS_PER_SHIPMENT + REFUNDED_SHARE * LINES_PER_ORDER
        per_order = (
            1 + CLICKS_PER_ORDER + PAID_SHARE * per_payment + REVIEWED_SHARE + MENTIONED_SHARE
        )
        return round(self.count * per_order * (1 + self.defects.shares()[DUPLICATE]))
