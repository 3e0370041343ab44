# SPDX-License-Identifier: Apache-2.0
"""An MCP server over stdio whose tools tell what goes wrong, and a client that calls it in the same trace.

python mcp_server.py            the client, which starts the server
python mcp_server.py serve      the server alone
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from mcp import Client, StdioServerParameters
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

import telemetry

server = MCPServer("weather-server")


@server.tool()
async def weather(city: str) -> str:
    """Tell the weather of a city."""
    with telemetry.execute_tool("weather"):  # sees the error before MCP makes an answer of it
        if city == "Atlantis":
            raise ToolError("the weather service is not there") from ConnectionError("refused")
        return f"{city}: sun all week"


def serve() -> None:
    # The `with` ends when the client hangs up; then the rest is sent.
    with telemetry.init("weather-server", "1.0.0"):
        server.run("stdio")


async def call(client: Client, city: str) -> str:
    with telemetry.execute_tool("weather"):
        answer = await client.call_tool("weather", {"city": city})
        text = answer.content[0].text
        if answer.is_error:  # MCP gives a tool's failure as an answer: make an error of it again
            raise telemetry.KairosError(telemetry.ErrorCode.TOOL_FAILURE, text)
        return text


async def main() -> None:
    parameters = StdioServerParameters(
        command=sys.executable, args=[__file__, "serve"], env=server_environment()
    )
    with telemetry.init("weather-client", "1.0.0"):
        async with Client(parameters) as client:
            with telemetry.invoke_agent("travel"):
                print(await call(client, "Lisbon"))
                try:
                    await call(client, "Atlantis")
                except telemetry.KairosError as error:
                    print(f"Atlantis: {telemetry.classify(error).code}")


def server_environment() -> dict[str, str]:
    """Returns what the server is started with: stdout is its protocol, so its telemetry must go elsewhere."""
    environment = dict(os.environ)
    if "stdout" in environment.get("KAIROS_TELEMETRY_EXPORTER", "stdout"):
        path = Path(tempfile.gettempdir()) / f"weather-server-{os.getpid()}.jsonl"
        environment |= {"KAIROS_TELEMETRY_EXPORTER": "file", "KAIROS_TELEMETRY_FILE_PATH": str(path)}
        print(f"the server's telemetry is in {path}", file=sys.stderr)
    return environment


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        asyncio.run(main())
