"""What a shop tells as tables with typed columns, for pandas, polars, DuckDB and all else that reads Arrow.

Neither of them is needed to make one, and none is imported.
"""

from mpstock.frames.frame import Frame

__all__ = ["Frame"]
