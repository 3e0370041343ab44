# SPDX-License-Identifier: Apache-2.0
"""What a running pipeline consists of, and the public functions bound to it."""
