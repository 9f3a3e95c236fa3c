"""The alerts as a page for people, newest first."""

from collections.abc import Iterable
from html import escape

from infra.alerts.store import Received

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:60rem;padding:0 1rem;
color:#1c2024;background:#fbfbfa}
h1{font-size:1.1rem;font-weight:600}
article{border-top:1px solid #e3e3e0;padding:.9rem 0}
h2{font-size:1rem;font-weight:600;margin:0}
p{margin:0;color:#6b7075;font-size:.85rem}
b{font-weight:600}.critical b{color:#b3261e}.warning b{color:#8a5a00}
pre{margin:.5rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}
@media(prefers-color-scheme:dark){body{color:#e6e6e3;background:#17191b}
article{border-color:#2c2f32}p{color:#9a9fa5}.critical b{color:#f2837b}.warning b{color:#e0b05a}}
"""


def page(alerts: Iterable[Received]) -> str:
    """The HTML page of the alerts, in the order given."""
    articles = "".join(_article(alert) for alert in alerts)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Alerts</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}</style><h1>Alerts</h1>{articles or '<p>None yet.</p>'}</html>"
    )


def _article(alert: Received) -> str:
    detail = f"<pre>{escape(alert.detail)}</pre>" if alert.detail else ""
    return (
        f'<article class="{escape(alert.severity)}"><h2>{escape(alert.title)}</h2>'
        f"<p><b>{escape(alert.severity)}</b> · {escape(alert.source)} · "
        f'<time datetime="{alert.received_at}">{alert.received_at}</time> · '
        f"no. {alert.number}</p>{detail}</article>"
    )
