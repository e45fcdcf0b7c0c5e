# SPDX-License-Identifier: Apache-2.0
"""Running models: compiled graphs, the plan for a frame, and the model set."""
