# SPDX-License-Identifier: Apache-2.0
"""What every record passes before an exporter sees it: secrets, content, length."""
