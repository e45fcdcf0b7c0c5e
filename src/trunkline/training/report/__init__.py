# SPDX-License-Identifier: Apache-2.0
"""An evaluation as one self-contained page of HTML."""

from __future__ import annotations

from trunkline.training.report.page import Report, render_report, write_report

__all__ = ["Report", "render_report", "write_report"]
