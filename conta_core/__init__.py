"""Conta: context adjustment for weakly supervised semantic segmentation, stage by stage."""

__version__ = "0.1.0"
