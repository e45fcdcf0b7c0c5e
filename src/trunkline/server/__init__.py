# SPDX-License-Identifier: Apache-2.0
"""One server process: a model set, and every API that a user of such models may speak."""
