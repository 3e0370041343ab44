# SPDX-License-Identifier: Apache-2.0
"""A Celery worker whose prefork pool does the work; ends when all is done.

python -m support.crew_celery <folder> <main|worker>
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from celery import Celery, signals
from support import crew

app = Celery("crew", broker="memory://")
app.conf.update(
    worker_hijack_root_logger=False, worker_redirect_stdouts=False, broker_connection_retry_on_startup=True
)


@app.task(name="piece")  # type: ignore[untyped-decorator]  # Celery has no types
def piece(number: int, folder: str) -> None:
    Path(folder, str(number)).write_text(str(crew.work(number)))


def main() -> None:
    folder, who_starts = Path(sys.argv[1]), sys.argv[2]
    if who_starts == "main":
        crew.join()
    else:
        signals.worker_process_init.connect(lambda **_: crew.join(), weak=False)
    threading.Thread(target=_hand_out, args=(folder,), daemon=True).start()
    try:
        app.worker_main(["worker", "--pool=prefork", f"--concurrency={crew.WORKERS}", "--loglevel=ERROR"])
    finally:
        workers = [int(file.read_text()) for file in folder.iterdir()]
        print(json.dumps({"pieces": len(workers), "workers": sorted(set(workers))}))


def _hand_out(folder: Path) -> None:
    send: Any = piece.delay
    for number in range(crew.PIECES):
        send(number, str(folder))
    while sum(bool(file.stat().st_size) for file in folder.iterdir()) < crew.PIECES:
        time.sleep(0.02)
    os.kill(os.getpid(), 15)


if __name__ == "__main__":
    main()
