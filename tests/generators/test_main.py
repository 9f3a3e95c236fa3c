"""The command: the very bytes of the simulation in a folder, and a sentence for what is wrong."""

import json
import socket
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest

from generators.__main__ import main
from generators.landing import files
from generators.messages import TOPICS
from generators.products import products
from generators.run import Defects
from generators.shop import simulate
from generators.shop_tables import after_first_day
from jobs.settings import Settings, load_settings

DAY = date(2026, 1, 5)


def test_a_folder_gets_the_same_bytes_as_the_topics(tmp_path: Path) -> None:
    main(["--day", "2026-01-05", "--count", "300", "--seed", "9", "--to", str(tmp_path / "new")])
    messages = list(simulate(DAY, 300, 9))
    for topic in TOPICS:
        expected = b"".join(m.value + b"\n" for m in messages if m.topic == topic)
        assert (tmp_path / "new" / f"{topic}.jsonl").read_bytes() == expected
    for file in files(DAY, 9):
        assert (tmp_path / "new" / file.key).read_bytes() == file.data


def test_a_folder_gets_the_shop_s_tables_as_the_day_left_them(tmp_path: Path) -> None:
    main(["--day", "2026-01-05", "--count", "30", "--to", str(tmp_path)])
    expected = {table: len(rows) for table, rows in after_first_day(DAY, 7).items()}
    found = {}
    for path in (tmp_path / "shop").glob("*.jsonl"):
        found[path.stem] = [json.loads(line) for line in path.read_text().splitlines()]
    movements = found.pop("inventory_movements")
    assert {table: len(rows) for table, rows in found.items()} == expected
    assert {row["kind"] for row in movements} <= {"sale", "return", "receipt", "adjustment"}
    assert found["products"][0] == {
        "product_id": "prd-001",
        "name": "Classic Headphones",
        "category": "Audio",
        "list_price_cents": products(DAY, 7)[0].list_price_cents,
        "currency": "EUR",
        "updated_at": f"{products(DAY, 7)[0].updated_on}T00:00:00.000Z",
    }


def test_an_older_run_in_the_folder_is_replaced(tmp_path: Path) -> None:
    main(["--day", "2026-01-05", "--count", "300", "--to", str(tmp_path)])
    main(["--day", "2026-01-05", "--count", "20", "--to", str(tmp_path), "--defects", "0"])
    messages = simulate(DAY, 20, 7, Defects.totalling(0))
    orders = b"".join(m.value + b"\n" for m in messages if m.topic == "orders")
    assert (tmp_path / "orders.jsonl").read_bytes() == orders
    assert json.loads((tmp_path / "truth.json").read_text())["run_id"] == "shop-2026-01-05-7-20"


def test_the_command_ends_with_the_revenue_and_where_the_truth_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--day", "2026-01-05", "--count", "300", "--to", str(tmp_path)])
    sales = json.loads((tmp_path / "truth.json").read_text())["sales"]
    cents = sum(entry["revenue_eur_cents"] for entry in sales)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == (
        f"shop-2026-01-05-7-300: revenue EUR {cents // 100:,}.{cents % 100:02d}, "
        f"truth in {tmp_path / 'truth.json'}"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--day", "2026-01-05", "--count", "-1"], "The count is -1. Give 0 or more."),
        (["--day", "2026-01-05", "--seed", "-1"], "The seed is -1. Give 0 or more."),
        (["--day", "2026-01-05", "--defects", "1.5"], "add up to 1.5"),
        (["--day", "2026-01-05", "--rate", "-3"], "The rate is -3.0"),
        (["--day", "2026-01-05", "--to", __file__], "Give a folder"),
    ],
)
def test_a_bad_argument_ends_with_a_sentence(arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        main(arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--day", "2026-13-05"], "'2026-13-05' is no day. Write it like 2026-01-05."),
        (["--day", "2026-01-05", "--count", "many"], "--count"),
        (["--count", "5"], "--day"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_usage(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err


def test_a_broker_that_is_down_ends_the_command_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    for spec in fields(Settings):
        monkeypatch.setenv(spec.name.upper(), "1" if spec.type is int else "x")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", address)
    load_settings.cache_clear()
    try:
        with pytest.raises(SystemExit, match=f"kafka at {address} does not answer"):
            main(["--day", "2026-01-05", "--count", "5"])
    finally:
        load_settings.cache_clear()
