"""The exchange rates of a day, and money in euro cents: whole numbers, never floats."""

from datetime import date
from random import Random

MICROS = 1_000_000
USUAL_RATE_MICROS = {
    "EUR": MICROS,
    "USD": 922_514,
    "GBP": 1_171_203,
    "PLN": 233_418,
    "SEK": 88_951,
}
LARGEST_MOVE_PER_10_000 = 150
HEADER = b"rate_date,currency,rate_to_eur"


def fx_rates(day: date, seed: int) -> dict[str, int]:
    """Currency -> millionths of a euro that one unit of it is worth on a day."""
    rates = {}
    for currency, usual in USUAL_RATE_MICROS.items():
        draw = Random(f"fx/{seed}/{day}/{currency}")
        move = draw.randint(-LARGEST_MOVE_PER_10_000, LARGEST_MOVE_PER_10_000)
        rates[currency] = usual * (10_000 + move) // 10_000 if currency != "EUR" else MICROS
    return rates


def to_rows(day: date, rates: dict[str, int]) -> list[bytes]:
    """The CSV rows of a day, without the header."""
    return [f"{day},{currency},{_decimal(rate)}".encode() for currency, rate in rates.items()]


def _decimal(micros: int) -> str:
    """The shortest decimal text: 923450 -> 0.92345, 1000000 -> 1."""
    return f"{micros // MICROS}.{micros % MICROS:06d}".rstrip("0").rstrip(".")


def to_eur_cents(cents: int, rate_micros: int) -> int:
    """An amount in euro cents, rounded half up."""
    return (2 * cents * rate_micros + MICROS) // (2 * MICROS)


def from_eur_cents(eur_cents: int, rate_micros: int) -> int:
    """A euro amount in cents of another currency, rounded half up."""
    return (2 * eur_cents * MICROS + rate_micros) // (2 * rate_micros)
