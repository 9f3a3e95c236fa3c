"""How long the scheduled runs take, and how they ended, as Airflow's database says."""

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import psycopg2
from prometheus_client.metrics_core import Metric

from infra.metrics.parts import gauge
from jobs.session import PROBE_SECONDS
from jobs.settings import Settings

DATABASE = "airflow"
# The median is of the runs before the newest; of fewer than three there is none.
RUNS, MIN_RUNS = 20, 3
# A mapped task is told apart by the table in its label.
QUERY = """
WITH runs AS (
  SELECT coalesce(rendered_map_index, task_id) AS name, duration, state,
         extract(epoch FROM end_date)::float AS ended,
         row_number() OVER (PARTITION BY coalesce(rendered_map_index, task_id)
                            ORDER BY end_date DESC) AS nth
  FROM task_instance
  WHERE dag_id IN ('ingest', 'silver', 'gold', 'serve') AND state IN ('success', 'failed')
    AND end_date IS NOT NULL AND duration IS NOT NULL
)
SELECT name, max(duration) FILTER (WHERE nth = 1), max(ended),
       (max(state) FILTER (WHERE nth = 1) = 'failed')::int::float,
       CASE WHEN count(*) FILTER (WHERE nth BETWEEN 2 AND %(runs)s) >= %(least)s
            THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY duration)
                 FILTER (WHERE nth BETWEEN 2 AND %(runs)s) END
FROM runs WHERE nth <= %(runs)s GROUP BY name
"""


def read(settings: Settings) -> Iterator[Metric]:
    """Of each scheduled task: its last run, and what is usual.

    Raises: psycopg2.Error.
    """
    address = urlsplit(settings.postgres_dsn)._replace(path=f"/{DATABASE}").geturl()
    values = {"runs": RUNS + 1, "least": MIN_RUNS}
    with (
        closing(psycopg2.connect(address, connect_timeout=int(PROBE_SECONDS))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(QUERY, values)
        found = cursor.fetchall()
    columns = {
        "seconds": "How long the last run of the task took",
        "ended_timestamp_seconds": "When it ended, in seconds since 1970",
        "failed": "Whether it failed for good",
        "median_seconds": f"The median of up to {RUNS} runs before it",
    }
    for place, (name, about) in enumerate(columns.items(), 1):
        own = {(row[0],): row[place] for row in found}
        yield gauge(f"lakeproof_run_{name}", about, ["task"], own)
