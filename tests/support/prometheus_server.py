# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus that scrapes an endpoint of ours."""

from __future__ import annotations

import json
import subprocess
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.debian import program
from support.ports import free_port
from support.waiting import wait_for

if TYPE_CHECKING:
    from types import TracebackType


class PrometheusServer:
    """Prometheus, scraping `127.0.0.1:target_port` five times a second.

    `job` is added to the scrape configuration; `jobs` are further ones by name, for the same target.
    """

    def __init__(self, target_port: int, job: Any = None, **jobs: Any) -> None:
        command = program("prometheus", "prometheus")
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="prometheus-")
        folder = Path(self._folder.name)
        config = folder / "prometheus.yml"  # JSON is YAML
        target = {"static_configs": [{"targets": [f"127.0.0.1:{target_port}"]}]}
        all_jobs = {"kairos": job or {}, **jobs}
        config.write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
                    "scrape_configs": [
                        {"job_name": name, **target, **more} for name, more in all_jobs.items()
                    ],
                }
            )
        )
        with (folder / "output.txt").open("wb") as output:
            self._process = subprocess.Popen(
                [
                    command,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                    "--enable-feature=exemplar-storage",
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(self._is_ready, what="Prometheus' start")
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> PrometheusServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5):
                return True
        except OSError:  # refused, or 503 while it starts
            return False

    def api(self, path: str, **query: str) -> Any:
        """The data of an answer of its HTTP API."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """An instant query: labels and value of each series, as soon as there are any."""
        result = wait_for(
            lambda: self.api("query", query=expression)["result"], what=f"a result of {expression}"
        )
        return [(series["metric"], float(series["value"][1])) for series in result]

    def names(self) -> set[str]:
        """The names of all metrics it knows."""
        return set(self.api("label/__name__/values"))

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()
