"""Verdicts: expectations and what was recorded go in, findings come out. Pure; imports the standard library alone."""
