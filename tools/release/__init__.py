"""Releases: which distributions there are, whether they fit one another, and what is told of each.

`python -m tools.release --help` lists what it does; `nox -s release` runs it.
"""
