# SPDX-License-Identifier: Apache-2.0
"""What stands between an exporter and the network: encoded requests that wait, in memory or on disk."""
