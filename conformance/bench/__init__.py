"""Figures: how fast the mesh comes up and answers, how fast the router predicts."""
