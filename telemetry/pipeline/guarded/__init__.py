# SPDX-License-Identifier: Apache-2.0
"""Providers that bear whatever they are given, wherever and whenever they are called."""
