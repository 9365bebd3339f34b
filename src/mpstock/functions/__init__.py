"""Sources and sinks made of plain functions, for scripts and notebooks.

A function that returns what there is becomes a source, one that takes changes becomes a sink. The engine
treats both as it treats every adapter, and they are held to the same contract.
"""

from mpstock.functions.sink import FunctionSink, sink
from mpstock.functions.source import FunctionSource, source

__all__ = ["FunctionSink", "FunctionSource", "sink", "source"]
