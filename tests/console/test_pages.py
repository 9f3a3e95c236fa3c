"""What the console shows of an answer: escaped, measured, and found."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest

from answers.book import Answer, load_answers
from answers.evidence import Series, Value
from answers.runs import Run
from console.charts import bars, trends
from console.lineage import NODE_WIDTH, drawing
from console.rehearsal import draw, mark
from console.search import search
from console.text import html
from console.tour import stops
from jobs.specs import load_specs

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def answer() -> Answer:
    return load_answers()["python-mutability"]


def run_with(value: float) -> Run:
    item = Value("test_a", "rows lost", "", value, "rows", True)
    return Run("a", datetime(2026, 1, 5, tzinfo=UTC), "c", "m", 1.0, {"test_a": ""}, [item])


def test_html_in_an_answer_is_shown_and_not_obeyed() -> None:
    shown = html(f"{SCRIPT} [x](javascript:alert(1)) {{{{rows}}}}", {"rows": SCRIPT})
    assert "<script" not in shown
    assert 'href="javascript' not in shown
    assert shown.count("&lt;script&gt;") == 2


def test_a_measured_value_stands_in_the_text_and_a_missing_one_says_so() -> None:
    shown = html("{{rows lost}} of {{rows & more}}", {"rows lost": "3 rows"})
    assert '<span class="measured" title="rows lost">3 rows</span>' in shown
    assert "(not measured yet)" in shown


def test_a_value_with_a_strange_label_is_found_after_escaping() -> None:
    assert ">5</span>" in html('{{a "b" & c}}', {'a "b" & c': "5"})


def test_the_name_of_an_answer_leads_to_it_and_other_code_nowhere() -> None:
    shown = html("`sql-joins` and `make-up`")
    assert '<a href="/answers/sql-joins"><code>sql-joins</code></a>' in shown
    assert shown.count("<a ") == 1


def test_two_letters_of_a_word_find_the_answer(answer: Answer) -> None:
    assert answer in search(load_answers().values(), "mu")


def test_every_word_must_be_there(answer: Answer) -> None:
    assert search([answer], "mutable pipeline") == [answer]
    assert search([answer], "mutable zebra") == []


def test_a_word_of_the_question_counts_more_than_one_of_the_text(answer: Answer) -> None:
    about = replace(answer, slug="x", question="What is a zebra?", claims=(), sections={})
    aside = replace(answer, question="Why?", sections={"Answer": "A zebra."})
    assert search([aside, about], "zebra") == [about, aside]


def test_nothing_typed_finds_all_in_their_order() -> None:
    assert search(load_answers().values(), " ") == list(load_answers().values())


def test_unseen_questions_are_drawn_first_and_then_all() -> None:
    book = [replace(each, slug=f"s{n}") for n, each in enumerate([*load_answers().values()] * 9)]
    seen: list[str] = []
    for _ in book:
        drawn = draw(book, seen, Random(7))
        assert drawn and mark(drawn.slug) not in seen
        seen.append(mark(drawn.slug))
    assert draw(book, seen, Random(7)) in book
    assert draw([], seen, Random(7)) is None


def test_bars_are_shares_of_the_longest() -> None:
    found = bars(Series("t", "rows", "s", {"one": 1, "four": 4}))
    assert [(bar.name, bar.percent) for bar in found] == [("one", 25), ("four", 100)]


def test_a_line_is_drawn_for_what_changed_and_runs_from_old_to_new() -> None:
    assert trends([run_with(1), run_with(1)]) == []
    [trend] = trends([run_with(4), run_with(1)])
    assert trend.points == "0.0,22.0 120.0,2.0"


def test_every_table_is_drawn_once_right_of_what_it_reads() -> None:
    specs = load_specs()
    found = drawing(specs)
    at = {node.name: node for node in found.nodes}
    assert sorted(node.name for node in found.nodes) == sorted(specs)
    assert {(e.source, e.target) for e in found.edges} == {
        (source, name) for name, spec in specs.items() for source in spec.inputs
    }
    assert all(at[e.source].x + NODE_WIDTH < at[e.target].x for e in found.edges)
    assert len({(node.x, node.y) for node in found.nodes}) == len(specs)
    assert all(node.x + NODE_WIDTH <= found.width for node in found.nodes)


def test_the_tour_has_ten_stops_in_twenty_minutes() -> None:
    found = stops()
    assert len(found) == 10
    assert all(first.minute < second.minute < 20 for first, second in pairwise(found))
    assert all(stop.say and stop.click and stop.appears for stop in found)
