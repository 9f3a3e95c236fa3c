"""A line each minute about how far the tests are, and in the end how long each file took."""

import json
import os
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

EVERY_SECONDS = 60.0
# A file that gets the seconds of each test file.
DURATIONS = "TEST_DURATIONS"


class Minutes:
    """A pytest plugin of the process that gathers the results."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._began = time.monotonic()
        self._over = threading.Event()
        self._done = self._failed = 0
        self._newest = ""
        self._seconds: Counter[str] = Counter()

    def pytest_sessionstart(self) -> None:
        threading.Thread(target=self._tell, daemon=True).start()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._newest = report.nodeid
        self._seconds[report.location[0]] += report.duration
        self._done += report.when == "teardown"
        self._failed += report.failed

    def pytest_sessionfinish(self) -> None:
        self._over.set()
        if path := os.environ.get(DURATIONS):
            file = Path(path)  # the sessions of one `make test` add up
            known = Counter(json.loads(file.read_text())) if file.exists() else Counter()
            file.write_text(json.dumps(known + self._seconds))

    def line(self) -> str:
        """How far the tests are."""
        minutes = (time.monotonic() - self._began) / 60
        return (
            f"{minutes:.0f} min: {self._done:,} tests done, {self._failed} failed; "
            f"last was {self._newest}"
        )

    def _tell(self) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        while not self._over.wait(EVERY_SECONDS):
            reporter.write_line(f"\n{self.line()}")
