# SPDX-License-Identifier: Apache-2.0
"""The process around a pipeline: threads, forks, worker processes, and how it all ends."""
