# SPDX-License-Identifier: Apache-2.0
"""Work on graphs: a normal form, identities, what networks share, and what that costs."""
