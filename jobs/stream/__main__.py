"""`python -m jobs.stream`: the stream's process. It does what `jobs.stream.control` says is wanted.

What fails is told, and tried again with growing pauses: every step of it is safe to repeat.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException

from jobs.alert import Alert, alert
from jobs.errors import LakeproofError, ServiceDown
from jobs.session import release, spark
from jobs.settings import Settings, load_settings
from jobs.stream import control
from jobs.stream.follow import follow, news
from jobs.stream.freshness import sample
from jobs.stream.query import start

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

BEAT_SECONDS = 1.0
IDLE_SECONDS = 0.2
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
RESTART_CODE = 3


class StreamProcess:
    """Runs the stream while it is wanted, and says each second how it does."""

    def __init__(self, settings: Settings) -> None:
        self.ended = threading.Event()
        self._settings = settings
        self._wanted = threading.Event()
        self._state = "stopped"
        self._passed_at: datetime | None = None
        self._restart_at: datetime | None = None

    def run(self) -> None:
        """Nothing, once `ended` is set; what was under way is stopped cleanly."""
        threading.Thread(target=self._beat, daemon=True).start()
        looking = (self._settings, lambda: self._state == "running", self.ended)
        threading.Thread(target=sample, args=looking, daemon=True).start()
        pause = FIRST_PAUSE_SECONDS
        while not self.ended.is_set():
            if not self._wanted.is_set():
                self._state = "stopped"
                self.ended.wait(IDLE_SECONDS)
                continue
            began = datetime.now(UTC)
            try:
                self._stream()
            except (LakeproofError, PySparkException) as error:
                self._fail(error)
                pause = self._next_pause(pause, began)
                self.ended.wait(pause)

    def _stream(self) -> None:
        """Until it is no longer wanted: the query runs, and the marts follow."""
        session = spark(self._settings)
        query = start(session, self._settings)
        print(f"streaming, batches begin at {query.runId}", flush=True)

        def require_query() -> None:
            # In a new server the marts would go on, and half a minute later the query be missed.
            if spark(self._settings) is not session:
                raise LakeproofError("Spark was started again, and the query ended with it")
            _require_active(query)

        try:
            self._follow(query, require_query)
        except Exception:
            with suppress(PySparkException):  # a killed server has none to stop
                query.stop()
            raise
        query.stop()
        self._state = "stopped"

    def _follow(self, query: "StreamingQuery", require_query: Callable[[], None]) -> None:
        """Nothing, when it is no longer wanted: until then the marts are kept up to date.

        Raises: LakeproofError or PySparkException when the query has ended, or a mart fails.
        """
        self._passed_at, self._state = datetime.now(UTC), "running"
        seen, has_landed = None, False
        while self._wanted.is_set() and not self.ended.is_set():
            _require_active(query)
            # What came meanwhile lands first: the marts would take half of a cold server.
            has_landed = has_landed or query.lastProgress is not None
            if has_landed and (found := news(self._settings)) != seen:
                for done in follow(self._settings, require_query):
                    print(f"{done.record.summary()}  {done.seconds:.1f} s", flush=True)
                seen = found
            self._passed_at = datetime.now(UTC)
            self.ended.wait(IDLE_SECONDS)

    def _fail(self, error: Exception) -> None:
        release(self._settings)
        said = " ".join(str(error).split()) or type(error).__name__
        self._state = f"failed: {said[:300]}"
        print(f"{self._state}; trying again", flush=True)
        try:
            alert(self._settings, Alert("the stream failed", "warning", "stream", str(error)))
        except ServiceDown as silent:
            print(silent, flush=True)

    @staticmethod
    def _next_pause(pause: float, began: datetime) -> float:
        """Twice the last one, unless the stream had run well for a while."""
        ran_well = (datetime.now(UTC) - began).total_seconds() > 2 * LONGEST_PAUSE_SECONDS
        return FIRST_PAUSE_SECONDS if ran_well else min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _beat(self) -> None:
        """Each second: say how it is, hear what is wanted. A restart needs nobody's consent."""
        while not self.ended.wait(BEAT_SECONDS):
            try:
                wanted, restart_at = control.beat(self._settings, self._state, self._passed_at)
            except ServiceDown as error:
                print(error, flush=True)  # it is heard of again when the database is back
                continue
            (self._wanted.set if wanted == "running" else self._wanted.clear)()
            self._restart_at = self._restart_at or restart_at
            if restart_at > self._restart_at:
                print("a restart is wanted", flush=True)
                os._exit(RESTART_CODE)


def _require_active(query: "StreamingQuery") -> None:
    if not query.isActive:
        raise query.exception() or LakeproofError("the query ended by itself")


def main() -> None:
    """Run until a signal ends it."""
    settings = load_settings()
    control.prepare(settings)
    process = StreamProcess(settings)
    signal.signal(signal.SIGTERM, lambda *_: process.ended.set())
    signal.signal(signal.SIGINT, lambda *_: process.ended.set())
    process.run()


if __name__ == "__main__":
    try:
        main()
    except LakeproofError as error:
        sys.exit(f"stream: {error}")
