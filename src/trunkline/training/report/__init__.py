# SPDX-License-Identifier: Apache-2.0
"""An evaluation as one self-contained page of HTML: see ``page``. The terminal says its words."""
