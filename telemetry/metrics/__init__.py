# SPDX-License-Identifier: Apache-2.0
"""Metrics: cells, the five instruments on top of them, and the error-rate window."""
