"""The report: one self-contained html page of a run's scores, curves and pictures."""

from __future__ import annotations

from conta_core.evaluation.report.page import render_report

__all__ = ["render_report"]
