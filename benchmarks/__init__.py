"""Measurements against peers and limits, each in one run with the quality that the speed buys."""
