"""Templates, and what all of them may use."""

import re
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from answers.book import TOPICS
from answers.evidence import shown
from console.charts import bars
from console.source import Seen
from console.text import html
from jobs.settings import ROOT

COMMAND = re.compile("`([^`]+)`")
MINUTE, HOUR, DAY = 60, 3600, 86_400
templates = Jinja2Templates(directory=ROOT / "console" / "templates")


def page(request: Request, name: str, values: dict[str, Any], status: int = 200) -> Response:
    """The template, filled."""
    return templates.TemplateResponse(request, name, values, status_code=status)


def ago(moment: datetime | float | None) -> str:
    """How long ago, in the largest unit that fits; seconds may be given as a number."""
    if moment is None:
        return "never"
    if isinstance(moment, datetime):
        moment = (datetime.now(UTC) - moment).total_seconds()
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if moment >= unit:
            return f"{moment / unit:.0f} {name} ago"
    return f"{max(moment, 0):.0f} s ago"


def troubles(*seen: Seen[Any]) -> list[str]:
    """Why what a page shows is not of now, and of when it is."""
    return [
        f"{each.trouble} Shown is what was read {ago(each.at)}." if each.at else each.trouble
        for each in seen
        if each.trouble
    ]


def commands(text: str) -> Markup:
    """A message with the commands that it names between backticks as such."""
    return Markup(COMMAND.sub(r"<code>\1</code>", str(escape(text))))


def bytes_of(count: int) -> str:
    """A number of bytes in the unit that fits."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def sentence(test: str) -> str:
    """A test's name as words."""
    return test.removeprefix("test_").replace("_", " ").capitalize()


templates.env.globals.update(topics=TOPICS, bars=bars)
templates.env.filters.update(
    shown=shown, ago=ago, bytes=bytes_of, commands=commands, markdown=html, sentence=sentence
)
templates.env.trim_blocks = templates.env.lstrip_blocks = True
