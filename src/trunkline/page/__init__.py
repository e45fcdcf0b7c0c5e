# SPDX-License-Identifier: Apache-2.0
"""The live page: cameras, models and events in a browser, and a place to drop pictures and zips."""
