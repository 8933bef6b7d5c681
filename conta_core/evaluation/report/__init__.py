"""The report: one self-contained html page of a run's scores, curves and pictures.

A module a section computes what the section shows, as plain values (:mod:`.pieces`). The files of
``templates/`` say how it looks, and :mod:`.templates` renders them. ``page`` puts all together.
"""

from __future__ import annotations

from conta_core.evaluation.report.page import render_report

__all__ = ["render_report"]
