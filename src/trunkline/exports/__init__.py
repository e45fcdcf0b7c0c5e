# SPDX-License-Identifier: Apache-2.0
"""Reading exports: one module per format, the package around it, and the input contract.

``reading`` is the way in: it finds what a person has, reads it and yields models.
"""
