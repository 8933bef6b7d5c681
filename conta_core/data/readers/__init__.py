"""Readers of data sets, one a layout; each gives one manifest."""
