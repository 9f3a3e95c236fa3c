"""When things happen in a day: quiet nights, a lunch peak and a larger one in the evening."""

from bisect import bisect_right
from itertools import accumulate

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_NIGHT = (8, 5, 3, 2, 2, 4)
_MORNING = (9, 18, 30, 38, 42, 48)
_AFTERNOON = (58, 50, 42, 40, 44, 52)
_EVENING = (66, 82, 90, 74, 44, 20)
ORDERS_BY_HOUR = (*_NIGHT, *_MORNING, *_AFTERNOON, *_EVENING)
_ALL_ORDERS = sum(ORDERS_BY_HOUR)
_ORDERS_BEFORE_HOUR = (0, *accumulate(ORDERS_BY_HOUR[:-1]))


def moment_ms(position: float) -> int:
    """The milliseconds since midnight at which this share of the day's orders is placed."""
    orders_before = position * _ALL_ORDERS
    hour = bisect_right(_ORDERS_BEFORE_HOUR, orders_before) - 1
    part_of_hour = (orders_before - _ORDERS_BEFORE_HOUR[hour]) / ORDERS_BY_HOUR[hour]
    return min(int((hour + part_of_hour) * HOUR_MS), DAY_MS - 1)


def timestamp(day: str, moment: int) -> str:
    """ISO 8601 in UTC with milliseconds."""
    seconds, millis = divmod(moment, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{day}T{hour:02d}:{minute:02d}:{second:02d}.{millis:03d}Z"
