# SPDX-License-Identifier: Apache-2.0
"""How rows become OTLP spans and reach a receiver, each once."""
