"""Trained networks: how they are built, shown an eye, stored and run."""
