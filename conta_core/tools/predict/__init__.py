"""Pointing a segmentation model at photographs and videos."""
