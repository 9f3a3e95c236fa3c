"""Ways to break the platform, and the answer of which each must turn a claim red."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A piece of a file in place of another; the answer that catches it, and by which claim."""

    file: str
    sound: str
    broken: str
    answer: str
    claim: str


MUTANTS = {
    "repeated rows are accepted": Mutant(
        "jobs/loads/newest.py",
        'F.col("_rank") > 1',
        "F.lit(False)",
        "sql-window-functions",
        "ROW_NUMBER over the business key removes just the duplicates",
    ),
    "the gate is turned off": Mutant(
        "quality/gate.py",
        'if failed["critical"]:',
        "if False:",
        "silver-layer",
        "A batch that breaks a critical rule is not promoted until it is mended",
    ),
    "silver has no partitions": Mutant(
        "jobs/run.py",
        '("_proc_date",) if spec.source else spec.partition_by',
        '("_proc_date",) if spec.source else ()',
        "silver-layer",
        "Silver is partitioned by the business day, whenever an order came",
    ),
    "a line's amount forgets its quantity": Mutant(
        "jobs/silver/order_items.py",
        'F.col("quantity") * F.col("unit_price_cents")',
        'F.col("unit_price_cents")',
        "python-functions",
        "The transform of silver is a function and gives the same cents",
    ),
    "a pull begins just at its watermark": Mutant(
        "jobs/pull/api.py",
        "timedelta(days=pull.overlap_days)",
        "timedelta(0)",
        "cdc-batch-incremental",
        "A contact that became visible late is found by the overlap",
    ),
    "a run forgets what the last one read": Mutant(
        "jobs/ingest.py",
        "offsets_ahead(settings, topic, record.inputs, spec.name)",
        "offsets_ahead(settings, topic, {}, spec.name)",
        "bronze-layer",
        "A second run over the same offsets and files lands nothing",
    ),
    "an order line finds any version of its customer": Mutant(
        "jobs/gold/fact_order_items.py",
        "on=is_same & has_begun & holds_on",
        'on=is_same & F.col("effective_to").isNull()',
        "gold-layer",
        "A line points to the customer as he was when he ordered",
    ),
    "deletes in the database's log pass unseen": Mutant(
        "jobs/changes.py",
        "marked = with_deletes_marked(changes, CAPTURED)",
        "marked = with_deletes_marked(changes.where(\"operation != 'd'\"), CAPTURED)",
        "cdc-realtime-pipeline",
        "A delete becomes a row that says so and keeps its last values",
    ),
    "a dead letter lacks its reason": Mutant(
        "jobs/dead_letters.py",
        '"reasons": F.array_join("reasons", ","),',
        "",
        "dead-letter-queue",
        "A dead letter is the message as it came, with why and whence",
    ),
    "the checkpoint alone knows the offsets": Mutant(
        "jobs/stream/query.py",
        "known = {p: int(offset) for p, offset in last.inputs.items()} if last else {}",
        "known: dict[str, int] = {}",
        "streaming-checkpoint-recovery",
        "Offsets in the table's own commits outlive a lost checkpoint",
    ),
    "a leader's word is enough": Mutant(
        "generators/producer.py",
        '"acks": "all",\n        "enable.idempotence": True,',
        '"acks": "1",',
        "kafka-guarantees",
        "an ack of the leader alone is lost with it where an ack of all is not given",
    ),
}
