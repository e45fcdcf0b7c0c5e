# SPDX-License-Identifier: Apache-2.0
"""Streams: sources of frames, the models that watch them, and the sinks that get the answers."""
