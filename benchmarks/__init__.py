"""The numbers of the house, as ratios within one run: ``python -m benchmarks``."""
