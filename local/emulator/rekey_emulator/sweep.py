"""The schedule: each second, rotates whatever has fallen due."""
import logging
import threading
import time

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import secretsmanager as sm

from .rotation import rotate_when_due

log = logging.getLogger("rekey_emulator.sweep")


def _is_due(secret, now):
    due = secret.get("NextRotationDate")
    return secret.get("RotationEnabled") and not secret.get("DeletedDate") and due is not None and due <= now


def sweep(now):
    for (account, region, _), secret in list(sm._secrets._data.items()):
        if _is_due(secret, now):
            set_request_account_id(account)
            set_request_region(region)
            rotate_when_due(secret)


def _run():
    while True:
        time.sleep(1)
        try:
            sweep(time.time())
        except Exception:
            log.exception("scheduled rotation")


def install():
    threading.Thread(target=_run, daemon=True).start()
