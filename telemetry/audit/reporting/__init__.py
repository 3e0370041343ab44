# SPDX-License-Identifier: Apache-2.0
"""A trail in words: a few lines for a terminal, a page for people."""
