"""`promote.py <orders>`: `make run T=silver.orders` with one rule more: so many good orders."""

import sys
from dataclasses import replace

from jobs.__main__ import main
from jobs.spec import Rule
from jobs.specs import find_spec, load_specs

TABLE = "silver.orders"

if __name__ == "__main__":
    spec = find_spec(TABLE)
    whole = Rule("row_count", severity="critical", args={"min": int(sys.argv[1])})
    load_specs()[TABLE] = replace(spec, quality=(*spec.quality, whole))
    main([TABLE])
