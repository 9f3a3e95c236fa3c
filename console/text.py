"""An answer's markdown as HTML: escaped, with the measured values in it."""

from collections.abc import Mapping
from html import escape, unescape

from markdown_it import MarkdownIt
from markupsafe import Markup

from answers.book import NOT_MEASURED, PLACEHOLDER

# HTML in the text is shown, not obeyed; links lead to http and relative places alone.
MARKDOWN = MarkdownIt("js-default", {"html": False, "linkify": False, "typographer": False})


def html(text: str, values: Mapping[str, str] | None = None) -> Markup:
    """The text as HTML. A value that was never measured is called so."""

    def measured(label: str) -> str:
        value = (values or {}).get(label)
        kind = "measured" if value else "unmeasured"
        return (
            f'<span class="{kind}" title="{escape(label)}">{escape(value or NOT_MEASURED)}</span>'
        )

    rendered = MARKDOWN.render(text)
    return Markup(PLACEHOLDER.sub(lambda found: measured(unescape(found[1])), rendered))
