# SPDX-License-Identifier: Apache-2.0
"""Training: a new head on a trunk, from a few pictures."""
