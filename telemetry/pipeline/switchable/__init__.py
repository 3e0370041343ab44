# SPDX-License-Identifier: Apache-2.0
"""Global providers that stay in use while the pipeline behind them is exchanged."""
