"""Pointing a segmentation model at photographs and films."""
