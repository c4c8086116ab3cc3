"""Event source mappings: queues and streams polled apart, and often enough for what becomes visible by time.

MiniStack polls all of them in one thread that runs stream handlers inline, so a slow stream consumer would hold back
every queue; on AWS they know nothing of each other. It also looks for delayed messages once a second only.
"""
import logging
import threading

from ministack.core.concurrency import esm_wake
from ministack.services import lambda_svc as lam

log = logging.getLogger("rekey_emulator.polling")
TICK_SECONDS = 0.1  # DelaySeconds and visibility timeouts run out without a wake
IDLE_SECONDS = 1


def _poll(wake, polls):
    while True:
        wake.wait()
        wake.clear()
        busy = True
        while busy:
            try:
                busy = any([poll() for poll in polls])
            except Exception:
                busy = False
                log.exception("event source mappings")


def poll_loop():
    """Passes each wake on to both pollers; MiniStack starts it with the first mapping."""
    wakes = []
    for polls in ((lam._poll_sqs,), (lam._poll_dynamodb_streams, lam._poll_kinesis)):
        wake = threading.Event()
        wakes.append(wake)
        threading.Thread(target=_poll, args=(wake, polls), daemon=True).start()
    while True:
        esm_wake.wait(TICK_SECONDS if lam._esms.has_any() else IDLE_SECONDS)
        esm_wake.clear()
        for wake in wakes:
            wake.set()


def install():
    lam._poll_loop = poll_loop
