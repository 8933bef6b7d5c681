"""Segmentation models: a backbone, a head on some of its blocks, several input scales."""
