"""Our numbers beside what people use instead: the same outages, the same rate, each tool at its best.

`python -m bench.others` prints the table and writes `bench/out/others.json`; `docs/compared.md` explains it.
"""

from bench.others.compared import Report, measure
from bench.others.table import shown

__all__ = ["Report", "measure", "shown"]
