"""The files that land in the object store once a day."""

from dataclasses import dataclass
from datetime import date

from generators import fx_rates, products, suppliers


@dataclass(frozen=True)
class LandingFile:
    """One object: its source, its key without namespace, and its rows.

    `header` is a line before the rows that is no data; empty if the format has none. A file that
    is not readable lacks a column of its contract.
    """

    source: str
    key: str
    rows: tuple[bytes, ...]
    header: bytes = b""
    is_readable: bool = True

    @property
    def data(self) -> bytes:
        """The bytes of the object; every line ends with a newline."""
        lines = (self.header, *self.rows) if self.header else self.rows
        return b"".join(line + b"\n" for line in lines)


def files(day: date, seed: int) -> list[LandingFile]:
    """The catalogue, the exchange rates and the suppliers' price lists of a day."""
    catalogue = products.to_rows(products.products(day, seed))
    rates = fx_rates.to_rows(day, fx_rates.fx_rates(day, seed))
    return [
        LandingFile("products", f"landing/products/{day}.json", tuple(catalogue)),
        LandingFile("fx_rates", f"landing/fx_rates/{day}.csv", tuple(rates), fx_rates.HEADER),
        *(_price_list(day, found) for found in suppliers.price_lists(day, seed)),
    ]


def _price_list(day: date, found: suppliers.PriceList) -> LandingFile:
    key = f"landing/supplier_prices/{day}-{found.supplier_id}.csv"
    is_readable = found.drift not in suppliers.UNREADABLE
    return LandingFile("supplier_prices", key, found.rows, found.header, is_readable)
