"""Talking to a running mesh: apply, converge, exchange. All effects of a run are here; no opinion is."""
