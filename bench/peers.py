"""Other validators on the table of all rows: `python peers.py TOOL TABLE.csv`, in an environment of their own.

Each checks what it can say in one line a column: something stands there, and it looks right. Prints the seconds that
it took without its imports, and how many failures it counts, as JSON.
"""

import json
import sys
import time
from collections.abc import Callable

PHONE = r"^0(3[2-9]|5[25689]|7[06-9]|8[1-9]|9\d)\d{7}$"
EMAIL = r"^[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.(com|vn|net|org)$"
LINK = r"^https://www\.facebook\.com/[A-Za-z0-9.\-]+$"
PATTERNS = {
    "page_link": LINK,
    **{f"{group}_phone": PHONE for group in ("leader", "manager")},
    **{f"{group}_email": EMAIL for group in ("leader", "manager")},
}
FILLED = ["unit", "page_name", "leader_name", "manager_name", *PATTERNS]


def frictionless(table: str) -> Callable[[], int]:
    """Read and validate with Frictionless."""
    from frictionless import Resource, Schema, fields

    columns = [
        fields.StringField(
            name=name,
            constraints={"required": True, **({"pattern": PATTERNS[name].strip("^$")} if name in PATTERNS else {})},
        )
        for name in FILLED
    ]

    def work() -> int:
        report = Resource(path=table, schema=Schema(fields=columns)).validate(limit_errors=10**6)
        return int(report.stats["errors"])

    return work


def pointblank(table: str) -> Callable[[], int]:
    """Read with pandas and validate with Pointblank."""
    import pandas as pd
    import pointblank as pb

    def work() -> int:
        plan = pb.Validate(pd.read_csv(table, dtype=str))
        plan = plan.col_vals_not_null(columns=FILLED)
        for name, pattern in PATTERNS.items():
            plan = plan.col_vals_regex(columns=name, pattern=pattern, na_pass=True)
        return int(sum(plan.interrogate().n_failed().values()))

    return work


def great_expectations(table: str) -> Callable[[], int]:
    """Read with pandas and validate with Great Expectations."""
    import great_expectations as gx
    import pandas as pd

    def work() -> int:
        context = gx.get_context(mode="ephemeral")
        batch = context.data_sources.add_pandas("p").add_dataframe_asset("t").add_batch_definition_whole_dataframe("b")
        suite = gx.ExpectationSuite("s")
        for name in FILLED:
            suite.add_expectation(gx.expectations.ExpectColumnValuesToNotBeNull(column=name))
        for name, pattern in PATTERNS.items():
            suite.add_expectation(gx.expectations.ExpectColumnValuesToMatchRegex(column=name, regex=pattern))
        frame = pd.read_csv(table, dtype=str)
        found = batch.get_batch({"dataframe": frame}).validate(suite)
        return int(sum(result.result.get("unexpected_count", 0) for result in found.results))

    return work


if __name__ == "__main__":
    task = {"frictionless": frictionless, "pointblank": pointblank, "great_expectations": great_expectations}
    begin = task[sys.argv[1]](sys.argv[2])
    begun = time.perf_counter()
    failures = begin()
    print(json.dumps({"seconds": round(time.perf_counter() - begun, 3), "failures": failures}))
