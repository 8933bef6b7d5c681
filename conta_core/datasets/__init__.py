"""Readers of data sets, each giving one manifest."""
