"""Tapes: what a run read, reckoned and sent, kept in a file, to be replayed later without any account."""

from mpstock.tapes.writing import SUFFIX, Tape, begin_tape

__all__ = ["SUFFIX", "Tape", "begin_tape"]
