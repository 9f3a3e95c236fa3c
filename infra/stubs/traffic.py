"""What makes a platform hard to read: limits, hiccups, and faults that are asked for."""

import json
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

REQUESTS_PER_SECOND = 20
HICCUP_EVERY = 7
HTML = "<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"
FAULTS = ("html_page", "half_page", "repeated_page", "shrunk_page")


@dataclass
class Lane:
    """The traffic of one namespace on one platform."""

    recent: deque[float] = field(default_factory=deque)
    requests_count: int = 0
    fault: str = ""
    faults_left: int = 0

    def set_fault(self, fault: str, times: int) -> None:
        """The next answers that can have the fault have it.

        Raises: ValueError if there is no such fault.
        """
        if fault not in FAULTS:
            raise ValueError(f"no fault {fault!r}; there are {', '.join(FAULTS)}")
        self.fault, self.faults_left = fault, times

    def wait_seconds(self, now: Callable[[], float]) -> int:
        """How long the caller has to stay away, 0 if this request is within the limit."""
        moment = now()
        while self.recent and self.recent[0] <= moment - 1:
            self.recent.popleft()
        if len(self.recent) >= REQUESTS_PER_SECOND:
            return math.ceil(self.recent[0] + 1 - moment) or 1
        self.recent.append(moment)
        return 0

    def hiccups(self) -> bool:
        """Whether this request is one of those that fail for no reason."""
        self.requests_count += 1
        return self.requests_count % HICCUP_EVERY == 0

    def takes(self, *faults: str) -> bool:
        """Whether this answer has one of these faults; if so, it is used up."""
        if self.fault not in faults or not self.faults_left:
            return False
        self.faults_left -= 1
        return True

    def text(self, answer: dict[str, Any]) -> tuple[str, str]:
        """The body of an answer and its content type, spoiled if that is due."""
        whole = json.dumps(answer, ensure_ascii=False)
        if self.takes("html_page"):
            return HTML, "text/html"
        if self.takes("half_page"):
            return whole[: len(whole) // 2], "application/json"
        return whole, "application/json"
