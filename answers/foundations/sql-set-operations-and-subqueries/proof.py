"""Users of the web and of the phone as sets; employees above the average in three forms."""

from random import Random
from statistics import fmean

import pytest

from answers.evidence import Evidence
from answers.labs.engines import Engines, Rows, in_order

SEED = 5
WEB_USERS = range(1, 701)
MOBILE_USERS = range(501, 901)
CAME_TWICE = range(1, 101)  # to the web
ON_BOTH = 200
ANONYMOUS = None  # once on each device
WEB = "SELECT user_id FROM visits WHERE device = 'web'"
MOBILE = "SELECT user_id FROM visits WHERE device = 'mobile'"
EMPLOYEES = 2_000
DEPARTMENTS = ("buying", "data", "support", "warehouse")
COMPANY = {
    "subquery": """
        SELECT employee_id, salary FROM employees
        WHERE salary > (SELECT avg(salary) FROM employees)""",
    "CTE": """
        WITH company AS (SELECT avg(salary) AS average FROM employees)
        SELECT employee_id, salary FROM employees CROSS JOIN company WHERE salary > average""",
    "window": """
        SELECT employee_id, salary FROM (
          SELECT employee_id, salary, avg(salary) OVER () AS average FROM employees
        ) AS beside WHERE salary > average""",
}
DEPARTMENT = {
    "subquery": """
        SELECT employee_id, salary FROM employees e WHERE salary > (
          SELECT avg(salary) FROM employees o WHERE o.department = e.department
        )""",
    "CTE": """
        WITH departments AS (
          SELECT department, avg(salary) AS average FROM employees GROUP BY department
        )
        SELECT e.employee_id, e.salary FROM employees e
        JOIN departments d ON d.department = e.department WHERE e.salary > d.average""",
    "window": """
        SELECT employee_id, salary FROM (
          SELECT employee_id, salary, avg(salary) OVER (PARTITION BY department) AS average
          FROM employees
        ) AS beside WHERE salary > average""",
}


def visits() -> Rows:
    return [
        *((user, "web") for user in [*WEB_USERS, *CAME_TWICE, ANONYMOUS]),
        *((user, "mobile") for user in [*MOBILE_USERS, ANONYMOUS]),
    ]


def users(device: str) -> set[int | None]:
    return {user for user, of in visits() if of == device}


def one_column(found: set[int | None]) -> Rows:
    return in_order([(user,) for user in found])


def employees() -> Rows:
    rng = Random(SEED)
    return [
        (number, DEPARTMENTS[number % len(DEPARTMENTS)], rng.randint(30_000, 90_000))
        for number in range(EMPLOYEES)
    ]


@pytest.fixture(scope="module")
def shop(engines: Engines) -> Engines:
    """The engines with the visits."""
    engines.load("visits", {"user_id": "integer", "device": "text"}, visits())
    return engines


@pytest.fixture(scope="module")
def firm(engines: Engines) -> Engines:
    """The engines with the employees."""
    kinds = {"employee_id": "integer", "department": "text", "salary": "integer"}
    engines.load("employees", kinds, employees())
    return engines


def test_union_all_keeps_every_row_and_union_each_one_once(
    shop: Engines, evidence: Evidence
) -> None:
    everything = shop.agreed(f"{WEB} UNION ALL {MOBILE}")
    assert everything == in_order([(user,) for user, _ in visits()])
    evidence("UNION ALL", len(everything), len(visits()), "rows")
    once = shop.agreed(f"{WEB} UNION DISTINCT {MOBILE}")
    assert once == one_column(users("web") | users("mobile"))
    evidence("UNION", len(once), len(WEB_USERS) + len(MOBILE_USERS) - ON_BOTH + 1, "rows")


def test_two_sets_have_together_the_size_of_their_union_and_intersection(
    shop: Engines, evidence: Evidence
) -> None:
    both = shop.agreed(f"{WEB} INTERSECT DISTINCT {MOBILE}")
    assert both == one_column(users("web") & users("mobile"))
    union = shop.agreed(f"SELECT count(*) FROM ({WEB} UNION DISTINCT {MOBILE}) AS u")[0][0]
    web, mobile = len(users("web")), len(users("mobile"))
    evidence("users of the web", web, unit="users")
    evidence("users of the phone", mobile, unit="users")
    evidence("users of both", len(both), ON_BOTH + 1, "users")
    evidence("users of either", union, len(users("web") | users("mobile")), "users")
    evidence("union and intersection together", union + len(both), web + mobile, "users")


def test_except_depends_on_the_order_of_its_sides(shop: Engines, evidence: Evidence) -> None:
    only_web = shop.agreed(f"{WEB} EXCEPT DISTINCT {MOBILE}")
    only_mobile = shop.agreed(f"{MOBILE} EXCEPT DISTINCT {WEB}")
    assert only_web == one_column(users("web") - users("mobile"))
    assert only_mobile == one_column(users("mobile") - users("web"))
    evidence("only on the web", len(only_web), len(WEB_USERS) - ON_BOTH, "users")
    evidence("only on the phone", len(only_mobile), len(MOBILE_USERS) - ON_BOTH, "users")


def test_set_operations_hold_two_nulls_for_the_same_where_a_join_does_not(
    shop: Engines, evidence: Evidence
) -> None:
    in_both = shop.agreed(f"{WEB} INTERSECT DISTINCT {MOBILE}")
    joined = f"SELECT w.user_id FROM ({WEB}) w JOIN ({MOBILE}) m ON w.user_id = m.user_id"
    evidence("anonymous users in the intersection", in_both.count((None,)), 1, "row")
    evidence("anonymous users in the join", shop.agreed(joined).count((None,)), 0, "rows")


def test_subquery_cte_and_window_find_the_same_employees_above_the_average(
    firm: Engines, evidence: Evidence
) -> None:
    average = fmean(row[2] for row in employees())
    expected = in_order([(row[0], row[2]) for row in employees() if row[2] > average])
    for form, query in COMPANY.items():
        found = firm.agreed(query)
        evidence(f"above the average, by {form}", len(found), len(expected), "employees")
        assert found == expected
        evidence.series(f"seconds by {form}", firm.seconds(query), "s")


def test_a_correlated_subquery_compares_each_row_with_its_own_group(
    firm: Engines, evidence: Evidence
) -> None:
    averages = {
        name: fmean(row[2] for row in employees() if row[1] == name) for name in DEPARTMENTS
    }
    expected = in_order([(row[0], row[2]) for row in employees() if row[2] > averages[row[1]]])
    equal = [firm.agreed(query) == expected for query in DEPARTMENT.values()]
    evidence("above their department's average", len(expected), unit="employees")
    evidence("forms that agree on them", sum(equal), len(DEPARTMENT), "forms")


@pytest.mark.control
def test_not_in_finds_nobody_when_its_list_holds_one_null(
    shop: Engines, evidence: Evidence
) -> None:
    naive = shop.ask(f"{WEB} AND user_id NOT IN ({MOBILE})")
    found = {name: len(rows) for name, rows in naive.items()}
    only_web = [row for row in visits() if row[1] == "web" and row[0] not in MOBILE_USERS]
    named = [row for row in only_web if row[0] is not None]
    evidence("by NOT IN in Postgres", found["Postgres"], 0, "rows")
    evidence("by NOT IN in Spark", found["Spark"], 0, "rows")
    evidence("by NOT IN in ClickHouse", found["ClickHouse"], len(named), "rows")
    mended = shop.agreed(
        "SELECT w.user_id FROM visits w WHERE w.device = 'web' AND NOT EXISTS ("
        "SELECT 1 FROM visits m WHERE m.device = 'mobile' AND m.user_id = w.user_id)"
    )
    evidence("by NOT EXISTS everywhere", len(mended), len(only_web), "rows")
    assert mended == in_order([row[:1] for row in only_web])


@pytest.mark.control
def test_clickhouse_refuses_a_bare_union_and_its_bare_except_keeps_duplicates(
    shop: Engines, evidence: Evidence
) -> None:
    told = shop.refusal("ClickHouse", f"{WEB} UNION {MOBILE}")
    evidence("a bare UNION is refused", "Expected ALL or DISTINCT after UNION" in told, True)
    bare = shop.ask(f"{WEB} EXCEPT {MOBILE}")
    once = len(WEB_USERS) - ON_BOTH
    evidence("bare EXCEPT in Postgres", len(bare["Postgres"]), once, "rows")
    evidence("bare EXCEPT in Spark", len(bare["Spark"]), once, "rows")
    evidence("bare EXCEPT in ClickHouse", len(bare["ClickHouse"]), once + len(CAME_TWICE), "rows")
