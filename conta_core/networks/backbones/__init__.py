"""Backbones: classification networks cut into five blocks."""
