"""The files that land in the object store once a day."""

from dataclasses import dataclass
from datetime import date

from generators import fx_rates, products


@dataclass(frozen=True)
class LandingFile:
    """One object: its source, its key without namespace, and its rows.

    `header` is a line before the rows that is no data; empty if the format has none.
    """

    source: str
    key: str
    rows: tuple[bytes, ...]
    header: bytes = b""

    @property
    def data(self) -> bytes:
        """The bytes of the object; every line ends with a newline."""
        lines = (self.header, *self.rows) if self.header else self.rows
        return b"".join(line + b"\n" for line in lines)


def files(day: date, seed: int) -> list[LandingFile]:
    """The catalogue and the exchange rates of a day."""
    catalogue = products.to_rows(products.products(day, seed))
    rates = fx_rates.to_rows(day, fx_rates.fx_rates(day, seed))
    return [
        LandingFile("products", f"landing/products/{day}.json", tuple(catalogue)),
        LandingFile("fx_rates", f"landing/fx_rates/{day}.csv", tuple(rates), fx_rates.HEADER),
    ]
