"""An answer's markdown as HTML: escaped, with the measured values in it."""

import re
from collections.abc import Mapping
from html import escape, unescape

from markdown_it import MarkdownIt
from markupsafe import Markup

from answers.book import NOT_MEASURED, PLACEHOLDER, load_answers

CODE = re.compile(r"<code>([a-z0-9-]+)</code>")
# HTML in the text is shown, not obeyed; links lead to http and relative places alone.
MARKDOWN = MarkdownIt("js-default", {"html": False, "linkify": False, "typographer": False})


def html(text: str, values: Mapping[str, str] | None = None) -> Markup:
    """The text as HTML. A value that was never measured is called so; answers are linked."""

    def measured(label: str) -> str:
        value = (values or {}).get(label)
        kind = "measured" if value else "unmeasured"
        return (
            f'<span class="{kind}" title="{escape(label)}">{escape(value or NOT_MEASURED)}</span>'
        )

    filled = PLACEHOLDER.sub(lambda found: measured(unescape(found[1])), MARKDOWN.render(text))
    return Markup(CODE.sub(_linked, filled))


def _linked(code: re.Match[str]) -> str:
    """The name of an answer as a link to it, any other code as it is."""
    is_answer = code[1] in load_answers()
    return f'<a href="/answers/{code[1]}">{code[0]}</a>' if is_answer else code[0]
