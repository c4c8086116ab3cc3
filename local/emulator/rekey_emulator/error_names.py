"""errorType of a failed Node.js invocation is the thrown error's name.

https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html. Stock MiniStack answers Runtime.HandlerError whatever was
thrown, so that a caller could not tell one failure from another.
"""
import re

import ministack.core.lambda_runtime as runtime
from ministack.services import lambda_svc

_stock = lambda_svc._execute_function_warm
_WRITTEN = 'status: "error", error: String(err.message || err), trace: err.stack || ""'
_NAMED = 'status: "error", error: String(err.message || err), trace: `rekey-error-name:${err.name || ""}\\n${err.stack || ""}`'
_NAME = re.compile(r"rekey-error-name:(\w*)\n")


def execute(*given, **named):
    result = _stock(*given, **named)
    found = _NAME.search(result.get("log") or "")
    if not found:
        return result
    body = result.get("body")
    if isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError" and found[1]:
        body = {**body, "errorType": found[1]}
    return {**result, "body": body, "log": _NAME.sub("", result["log"])}


def install():
    if _WRITTEN not in runtime._NODEJS_WORKER_SCRIPT:
        raise SystemExit("rekey_emulator: MiniStack's Node.js worker writes errors in another form; port error_names.py.")
    runtime._NODEJS_WORKER_SCRIPT = runtime._NODEJS_WORKER_SCRIPT.replace(_WRITTEN, _NAMED)
    lambda_svc._execute_function_warm = execute
