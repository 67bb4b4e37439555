"""The pandera schema of a form, built from the rules."""

from __future__ import annotations

import sys

import pandera.pandas as pa

from schemas.cells import Table, concerned
from schemas.form import Column
from schemas.rules import CHECKS, Check

if "hypothesis" not in sys.modules:
    # Where the tests' library is installed, pandera loads it to make up data, a tenth of a second that no run needs.
    sys.modules["hypothesis"] = None  # type: ignore[assignment]
    import pandera.strategies.base_strategies  # noqa: F401 - it looks for the library then

    del sys.modules["hypothesis"]


def schema_for(table: Table) -> pa.DataFrameSchema:
    """Return the schema of the round's form: a text column for each key, judged by the rules of its kind.

    Every check is named by its rule code. Columns are text with "" for blank, so nothing is looked for that is no
    text; nothing is coerced.
    """

    def checks(column: Column) -> list[pa.Check]:
        own = CHECKS.get(column.kind, [])
        return [
            pa.Check(
                lambda values, f=function: f(table.cells[column.key]),
                name=rule.value,
                error=rule.value,
                ignore_na=False,
            )
            for rule, function in CHECKS["*"]
            + ([(rule, where_concerned(f)) for rule, f in own] if column.where else own)
        ]

    def where_concerned(function: Check) -> Check:
        return lambda cells: function(cells) | ~concerned(cells.column, table.rows)

    return pa.DataFrameSchema({c.key: pa.Column(str, checks(c)) for c in table.round.form.columns}, strict=True)
