"""`python -m generators`: one business day of the shop, to Kafka or to a folder."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import date
from pathlib import Path

from generators import folder
from generators.history import remember
from generators.ledger import Ledger
from generators.producer import CLIENTS, Transport
from generators.progress import shown
from generators.publish import publish
from generators.run import Defects, Run
from generators.truth import Truth
from jobs.errors import LakeproofError
from jobs.settings import load_settings

TO_KAFKA = "kafka"


def main(arguments: list[str] | None = None) -> None:
    """Nothing; the run is out and its truth is written.

    Raises: SystemExit with a sentence if an argument is wrong, a service is down, or the
    broker rejected a message.
    """
    options = _parser().parse_args(arguments)
    try:
        defects = Defects() if options.defects is None else Defects.totalling(options.defects)
        run = Run(options.day, options.count, options.seed, defects)
        if options.to == TO_KAFKA:
            _to_kafka(run, options)
        else:
            _to_folder(run, Path(options.to))
    except LakeproofError as error:
        sys.exit(f"error: {error}")


def _to_kafka(run: Run, options: Namespace) -> None:
    transport = Transport(rate=options.rate, client=options.client, lz4=options.lz4)
    settings = load_settings()
    with shown(run.expected_messages, "acknowledged") as watch:
        published = publish(run, settings, transport, watch)
    path = remember(published, settings)
    _print_ledger(published.ledger)
    _print_truth(published.truth, path)
    published.ledger.require_all_acked()


def _to_folder(run: Run, path: Path) -> None:
    with shown(run.expected_messages, "wrote") as watch:
        truth = folder.write(run, path, watch)
    _print_truth(truth, path / folder.TRUTH_FILE)


def _print_ledger(ledger: Ledger) -> None:
    for name, topic in ledger.topics.items():
        print(
            f"{name:<15} {topic.produced.count:>10,} produced = {topic.acked.count:>10,} acked "
            f"+ {topic.rejected.count:,} rejected"
        )


def _print_truth(truth: Truth, path: Path) -> None:
    for topic, classes in truth.topics.items():
        counts = ", ".join(f"{tally.count:,} {label}" for label, tally in classes.items())
        print(f"{topic:<15} {counts}")
    revenue = sum(total.revenue_eur_cents for total in truth.sales.values())
    print(f"{truth.run_id}: revenue EUR {revenue // 100:,}.{revenue % 100:02d}, truth in {path}")


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m generators", description=__doc__)
    parser.add_argument("--day", type=_day, required=True, help="business day in UTC, YYYY-MM-DD")
    parser.add_argument("--count", type=int, default=20_000, help="orders; 7 messages for each")
    parser.add_argument("--seed", type=int, default=7, help="another seed is another shop")
    parser.add_argument("--rate", type=float, default=0.0, help="messages a second, 0 = no limit")
    parser.add_argument("--to", default=TO_KAFKA, help="kafka, or a folder")
    parser.add_argument("--defects", type=float, help="total share of defects, 0 for none")
    parser.add_argument("--client", choices=CLIENTS, help="in place of the one that suits")
    parser.add_argument("--lz4", action="store_true", help="compress on the way to Kafka")
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day. Write it like 2026-01-05.") from None


if __name__ == "__main__":
    main()
