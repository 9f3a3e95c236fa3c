"""The schema registry: it knows every topic, keeps what it knows, and a producer heeds it."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from generators.messages import ORDERS, TOPICS, Message
from generators.publish import send
from infra.native.health import CHECKS
from infra.native.up import up
from jobs import registry
from jobs.errors import ContractBroken, LakeproofError, ServiceDown
from jobs.settings import ROOT, Settings
from jobs.spec import COMPATIBILITIES, Column, Spec
from jobs.specs import topic_specs
from jobs.topics import end_offsets
from tests.conftest import TEST_INSTANCE, Stopped
from tests.integration.services import pid_of, wait_until

pytestmark = pytest.mark.integration

CLICKS = topic_specs()["clicks"]
COUPON = "  coupon: {type: string, nullable: true, about: The code of a discount}\n"
DAY = ["--day", "2026-01-05", "--count", "5"]


def ask(settings: Settings, path: str) -> Any:
    """What the registry answers to anybody's request."""
    answer = requests.get(f"{settings.schema_registry_url}{path}", timeout=30)
    answer.raise_for_status()
    return answer.json()


def versions(settings: Settings, *topics: str) -> dict[str, list[int]]:
    """The versions of the topics' schemas."""
    return {t: ask(settings, f"/subjects/{settings.topic(t)}-value/versions") for t in topics}


def ends(settings: Settings) -> dict[str, dict[str, int]]:
    """Where each of the shop's topics ends."""
    return {topic: end_offsets(settings, settings.topic(topic)) for topic in TOPICS}


def with_columns(**columns: Column | None) -> Spec:
    """The contract of the clicks and two numbers, with other columns; None takes one away."""
    numbers = {"page_number": Column("int"), "on_page_ms": Column("bigint")}
    merged = {**CLICKS.columns, **numbers, **columns}
    return replace(CLICKS, columns={name: c for name, c in merged.items() if c is not None})


def test_after_up_every_topic_has_its_schema_and_mode_and_another_up_adds_none(
    stack: Settings,
) -> None:
    topics = list(topic_specs())
    before = versions(stack, *topics)
    for topic, spec in topic_specs().items():
        assert spec.source is not None
        mode = ask(stack, f"/config/{topic}-value")["compatibilityLevel"]
        assert mode == spec.source.compatibility
    assert len(before) == 10 and all(before.values())
    up(TEST_INSTANCE)
    assert versions(stack, *topics) == before


@pytest.fixture
def topic(stack: Settings) -> Iterator[str]:
    """A topic of which only the registry will hear."""
    name = f"clicks_{uuid.uuid4().hex[:8]}"
    yield name
    registry.forget(stack, [name])


OPTIONAL = Column("string", nullable=True)
# What changes, and the modes that allow it.
CHANGES = {
    "new optional column": (with_columns(coupon=OPTIONAL), {"BACKWARD", "NONE"}),
    "new required column": (with_columns(coupon=Column("string")), {"NONE"}),
    "optional column gone": (with_columns(product_id=None), {"FORWARD", "NONE"}),
    "required column gone": (with_columns(url=None), {"NONE"}),
    "now required column": (with_columns(product_id=Column("string")), {"FORWARD", "NONE"}),
    "now nullable column": (with_columns(url=OPTIONAL), {"BACKWARD", "NONE"}),
    "widened column": (with_columns(page_number=Column("bigint")), {"BACKWARD", "NONE"}),
    "narrowed column": (with_columns(on_page_ms=Column("int")), {"FORWARD", "NONE"}),
    "instant becomes text": (with_columns(clicked_at=Column("string")), {"BACKWARD", "NONE"}),
    "retyped column": (with_columns(page_number=Column("string")), {"NONE"}),
    "renamed table": (replace(with_columns(), name="bronze.taps"), set(COMPATIBILITIES)),
}


@pytest.mark.parametrize("mode", COMPATIBILITIES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_mode_allows_the_changes_it_is_made_for(
    stack: Settings, topic: str, mode: str, change: str
) -> None:
    changed, allowing = CHANGES[change]
    registry.register(stack, topic, with_columns())
    registry.set_mode(stack, topic, mode)
    if mode in allowing:
        registry.register(stack, topic, changed)
        assert versions(stack, topic) == {topic: [1, 2]}
    else:
        with pytest.raises(ContractBroken, match=f"version 1 of {topic}-value, whose mode is"):
            registry.register(stack, topic, changed)
        assert versions(stack, topic) == {topic: [1]}


def test_a_producer_that_is_rolled_back_writes_by_its_old_version(
    stack: Settings, topic: str
) -> None:
    registry.set_mode(stack, topic, "BACKWARD")
    old = registry.register(stack, topic, with_columns())
    registry.register(stack, topic, with_columns(coupon=OPTIONAL))
    assert registry.register(stack, topic, with_columns()) == old
    assert versions(stack, topic) == {topic: [1, 2]}


def test_who_registers_what_others_give_up_at_that_moment_is_not_refused(
    stack: Settings, topic: str
) -> None:
    # All have one schema, whose text the registry deletes with the last who has it.
    def come_and_go(number: int) -> None:
        own = f"{topic}_{number}"
        registry.register(stack, own, with_columns())
        registry.forget(stack, [own])

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(come_and_go, range(40))) == [None] * 40


class Producer:
    """A copy of the repository with another contract of the orders, which publishes by it."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self._root, self._settings = root, settings
        for name in ("jobs", "quality", "generators", "infra"):
            shutil.copytree(ROOT / name, root / name)
        self._contract = root / "jobs" / "bronze" / "orders.yml"

    def write_by(self, old: str, new: str) -> None:
        text = self._contract.read_text()
        assert old in text
        self._contract.write_text(text.replace(old, new))

    def publish(self) -> subprocess.CompletedProcess[str]:
        own = {**os.environ, **self._settings.environment(), "PYTHONPATH": str(self._root)}
        command = [sys.executable, "-m", "generators", *DAY]
        return subprocess.run(command, cwd=self._root, env=own, capture_output=True, text=True)


def test_a_new_optional_field_becomes_version_2_and_the_messages_go_out(
    namespace_settings: Settings, tmp_path: Path
) -> None:
    producer = Producer(tmp_path, namespace_settings)
    producer.write_by("freshness:", f"{COUPON}freshness:")
    done = producer.publish()
    assert done.returncode == 0, done.stderr
    assert versions(namespace_settings, ORDERS, "payments") == {ORDERS: [1, 2], "payments": [1]}
    assert sum(end_offsets(namespace_settings, namespace_settings.topic(ORDERS)).values()) >= 5


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ("total_cents: {type: bigint", "total_cents: {type: string", "total_cents"),
        ("total_cents: {type: bigint", "total_cents: {type: int", "total_cents/maximum"),
        ("freshness:", COUPON.replace("nullable: true, ", "") + "freshness:", "/required"),
    ],
    ids=["retyped", "narrowed", "newly required"],
)
def test_a_schema_that_breaks_readers_is_refused_and_nothing_is_sent(
    namespace_settings: Settings, tmp_path: Path, old: str, new: str, differs: str
) -> None:
    before = ends(namespace_settings)
    producer = Producer(tmp_path, namespace_settings)
    producer.write_by(old, new)
    refused = producer.publish()
    assert refused.returncode == 1
    subject = f"{namespace_settings.topic(ORDERS)}-value"
    for said in (
        f"version 1 of {subject}, whose mode is BACKWARD",
        differs,
        "jobs/bronze/orders.yml",
        "Take the change back",
    ):
        assert said in refused.stderr
    assert ends(namespace_settings) == before
    assert versions(namespace_settings, ORDERS) == {ORDERS: [1]}


def test_a_topic_the_registry_does_not_know_is_named(namespace_settings: Settings) -> None:
    registry.forget(namespace_settings, [ORDERS])
    before = ends(namespace_settings)
    with pytest.raises(LakeproofError, match=rf"no subject {namespace_settings.namespace}\.orders"):
        send([Message(ORDERS, b"c-1", b"{}")], "shop-x", namespace_settings)
    assert ends(namespace_settings) == before


@pytest.mark.alone
def test_schemas_outlive_a_killed_registry(stack: Settings) -> None:
    topics = list(topic_specs())
    before = registry.schema_ids(stack, topics), versions(stack, *topics)
    killed = pid_of("registry")
    psutil.Process(killed).kill()
    wait_until(lambda: pid_of("registry") not in (0, killed), "the registry is started again")
    wait_until(lambda: answers(stack), "the registry answers")
    assert (registry.schema_ids(stack, topics), versions(stack, *topics)) == before


def answers(settings: Settings) -> bool:
    """Whether the registry is healthy."""
    try:
        CHECKS["registry"](settings)
    except ServiceDown:
        return False
    return True


@pytest.mark.alone
def test_without_the_registry_nothing_is_sent_and_it_is_named(
    namespace_settings: Settings, stopped: Stopped
) -> None:
    before = ends(namespace_settings)
    message = Message(ORDERS, b"c-1", b"{}")
    with stopped("registry"):
        with pytest.raises(ServiceDown) as down:
            send([message], "shop-x", namespace_settings)
        assert f"registry at {namespace_settings.schema_registry_url}" in str(down.value)
        assert ends(namespace_settings) == before
    assert send([message], "shop-x", namespace_settings).acked_count == 1
