"""One `jobs/<layer>/<table>.yml` read into a spec, or refused with the sentence that says why."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from jobs.errors import SpecError
from jobs.spec import COMPATIBILITIES, VALIDITY, Column, Projection, Rule, Serve, Source, Spec, Tell

OUTCOMES = (("quarantine", ""), ("", "critical"), ("", "warning"))
LOADS = ("append", "insert", "upsert", "history", "recompute")
SEQUENCED = ("upsert", "history")
VERSION = re.compile(r"\d+\.\d+\.\d+")


def _build(cls: type[Any], raw: Any, where: str) -> Any:
    """An instance of a spec dataclass; an unknown or missing key is an error."""
    if not isinstance(raw, dict):
        raise SpecError(f"{where} must be a mapping, not {raw!r}")
    known = sorted(item.name for item in fields(cls))
    unknown = sorted(set(raw).difference(known))
    if unknown:
        raise SpecError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(known)}")
    try:
        return cls(**{key: tuple(v) if isinstance(v, list) else v for key, v in raw.items()})
    except TypeError as error:
        raise SpecError(f"{where}: {error}") from None


def _rule(raw: dict[str, Any], where: str) -> Rule:
    named = {"rule", "column", "reason", "on_fail", "severity"}
    args = {key: value for key, value in raw.items() if key not in named}
    rule: Rule = _build(Rule, {k: v for k, v in raw.items() if k in named} | {"args": args}, where)
    if (rule.on_fail, rule.severity) not in OUTCOMES:
        raise SpecError(
            f"{where}: rule {rule.name!r} needs either `on_fail: quarantine` (a row rule) "
            f"or `severity: critical|warning` (a dataset rule)"
        )
    return rule


def _read_projections(serve: dict[str, Any], where: str) -> None:
    serve["projections"] = [_build(Projection, one, where) for one in serve.get("projections", [])]
    for one in serve["projections"]:
        if bool(one.order_by) == bool(one.select):
            raise SpecError(f"{where}: {one.name} needs either order_by or select")


def read_spec(path: Path) -> Spec:
    """The table described by one YAML file; its name is the file's place.

    Raises: SpecError naming file and key when the file is wrong.
    """
    name = f"{path.parent.name}.{path.stem}"
    where = f"jobs/{path.parent.name}/{path.name}"
    raw = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)  # 5x faster, in every Airflow task
    if not isinstance(raw, dict):
        raise SpecError(f"{where} must be a mapping")
    raw["columns"] = {
        column: _build(Column, value if isinstance(value, dict) else {"type": value}, where)
        for column, value in raw.get("columns", {}).items()
    }
    raw["quality"] = [_rule(rule, where) for rule in raw.get("quality", [])]
    if "serve" in raw:
        _read_projections(raw["serve"], f"{where}: serve.projections")
    for key, cls in (("source", Source), ("serve", Serve), ("tell", Tell)):
        if key in raw:
            raw[key] = _build(cls, raw[key], f"{where}: {key}")
    spec: Spec = _build(Spec, {"name": name, **raw}, where)
    _check(spec, where)
    return spec


def _check(spec: Spec, where: str) -> None:
    """Raises: SpecError with the first sentence that is true."""
    named = [*spec.keys, *spec.partition_by, *spec.cluster_by, spec.group, *spec.order]
    named += [rule.column for rule in spec.quality]
    strange = [name for name in named if name and name not in spec.columns]
    touching = {**spec.touched_by, **spec.touched_since}
    foreign = [table for table in touching if table not in spec.inputs]
    lacking = _lacking(spec) if spec.load == "history" else {}
    is_bronze = spec.layer == "bronze"
    wrong = {
        f"version must be like 1.0.0, not {spec.version}": not VERSION.fullmatch(str(spec.version)),
        f"load must be one of {', '.join(LOADS)}, not {spec.load!r}": spec.load not in LOADS,
        f"compatibility is one of {', '.join(COMPATIBILITIES)}": spec.source is not None
        and spec.source.compatibility not in COMPATIBILITIES,
        "a bronze table has a source, no other has": is_bronze != (spec.source is not None),
        "keys, inputs and at least one example are needed": not is_bronze
        and not (spec.keys and spec.inputs and spec.examples),
        f"{strange} is not among its columns": bool(strange) and not is_bronze,
        "reaches_days is of what touches by a group": not spec.reaches_days.keys()
        <= spec.touched_by.keys(),
        f"{' and '.join(SEQUENCED)} need sequence_by, no other load has it": (
            spec.load in SEQUENCED
        )
        != bool(spec.sequence_by),
        "then_by orders what sequence_by leaves equal; give that first": bool(spec.then_by)
        and not spec.sequence_by,
        "history needs surrogate_key, and only history has it": (spec.load == "history")
        != bool(spec.surrogate_key),
        f"history needs the columns {_listed(lacking)}": bool(lacking),
        "partition_by and cluster_by exclude each other": bool(
            spec.partition_by and spec.cluster_by
        ),
        "second_opinion is of a served table": bool(spec.second_opinion) and spec.serve is None,
        "tell is of a gold table": spec.tell is not None and spec.layer != "gold",
        "near_real_time is of a served table": spec.near_real_time and spec.serve is None,
        f"touched_by or touched_since names {foreign}, which is no input": bool(foreign),
    }
    for sentence, is_true in wrong.items():
        if is_true:
            raise SpecError(f"{where}: {sentence}")


def _lacking(spec: Spec) -> dict[str, str]:
    """Columns every table of load `history` has, by type, that this one has not."""
    due = {spec.surrogate_key: "bigint", "is_deleted": "boolean", **VALIDITY}
    return {name: type_ for name, type_ in due.items() if spec.types.get(name) != type_}


def _listed(types: dict[str, str]) -> str:
    return ", ".join(f"{name} {type_}" for name, type_ in types.items())
