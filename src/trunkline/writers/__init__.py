# SPDX-License-Identifier: Apache-2.0
"""Writing models in the formats that the service exported."""
