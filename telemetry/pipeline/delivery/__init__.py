# SPDX-License-Identifier: Apache-2.0
"""From a queue of records to a settled request: batches, ways out, senders, and the books of it all."""
