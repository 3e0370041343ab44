# SPDX-License-Identifier: Apache-2.0
"""How logs are read: file after file, through rotation, from pipes, and on while they are written."""
