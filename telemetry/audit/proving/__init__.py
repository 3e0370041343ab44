# SPDX-License-Identifier: Apache-2.0
"""How a trail is proven: every row, every file, and that nothing is missing."""
