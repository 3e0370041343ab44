# SPDX-License-Identifier: Apache-2.0
"""How rows get into a trail: one writer at a time, each row signed, the head sealed with it."""
