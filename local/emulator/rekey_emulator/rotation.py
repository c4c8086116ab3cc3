"""RotateSecret and CancelRotateSecret: the four steps, asynchronously, with AWS's retries.

Source: AWS, "Lambda rotation functions" and the API reference of RotateSecret. A failed step makes Secrets Manager
repeat the whole rotation with the same token; the pending version stays until some rotation finishes it.
"""
import collections
import contextvars
import json
import logging
import threading
import time
import uuid

from ministack.core.responses import json_response
from ministack.services import lambda_svc as lam
from ministack.services import secretsmanager as sm

from . import trail
from .permission import service_may_invoke
from .replies import conflicting, invalid, not_found, refuse
from .schedule import BadSchedule, next_due
from .versions import is_valueless

log = logging.getLogger("rekey_emulator.rotation")
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
PAUSES = (1, 3)  # seconds before the second and third whole attempt; AWS waits minutes
_handle = sm.handle_request
_turns = collections.defaultdict(threading.Lock)


def rotate_secret(data):
    """Answers at once; the steps run in the background. `RotateImmediately: false` runs testSecret only, as AWS does."""
    _, secret = sm._resolve(data.get("SecretId"))
    refused = _refusal(secret, data)
    if refused:
        return refused
    rules = data.get("RotationRules") or secret.get("RotationRules")
    try:
        due = next_due(rules, int(time.time()))
    except BadSchedule as error:
        return invalid(str(error))
    function = data.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
    secret.update(RotationLambdaARN=function, RotationEnabled=True, RotationRules=rules, NextRotationDate=due)
    token = data.get("ClientRequestToken") or str(uuid.uuid4())
    if not data.get("RotateImmediately", True):
        _background(_test_only, secret, token, function)
        return json_response({"ARN": secret["ARN"], "Name": secret["Name"]})
    _attach_pending(secret, token)
    _background(_rotate, secret, token, function)
    return json_response({"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token})


def cancel_rotate_secret(data):
    """Stops the schedule. A pending version stays, as on AWS."""
    _, secret = sm._resolve(data.get("SecretId"))
    if not secret:
        return not_found()
    secret["RotationEnabled"] = False
    secret.pop("NextRotationDate", None)
    return json_response({"ARN": secret["ARN"], "Name": secret["Name"]})


def rotate_when_due(secret):
    """What the schedule does: a new rotation, or the unfinished one again with its own token."""
    function = secret["RotationLambdaARN"]
    secret["NextRotationDate"] = next_due(secret.get("RotationRules"), int(time.time()))
    token = _unfinished(secret) or str(uuid.uuid4())
    _attach_pending(secret, token)
    _background(_rotate, secret, token, function)


def _refusal(secret, data):
    if not secret:
        return not_found()
    if secret.get("DeletedDate"):
        return conflicting("You can't perform this operation on the secret because it was marked for deletion.")
    if sm._is_replica(secret):
        return sm._replica_mutation_error()
    function = data.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
    if not function:
        return conflicting("No Lambda rotation function ARN is associated with this secret.")
    record = lam._get_func_record_for_ref(function)[0]
    if not record:
        return refuse("ResourceNotFoundException", f"Secrets Manager can't find the Lambda function: {function}")
    if not service_may_invoke(record, function, "secretsmanager.amazonaws.com", secret["ARN"]):
        return refuse(
            "AccessDeniedException",
            f"Secrets Manager cannot invoke the specified Lambda function {function}. Ensure that the function policy "
            "grants access to the principal secretsmanager.amazonaws.com.",
        )
    unfinished = _unfinished(secret)
    if unfinished and unfinished != data.get("ClientRequestToken"):
        return _reattempt(secret, unfinished)
    return None


def _reattempt(secret, token):
    _background(_rotate, secret, token, secret.get("RotationLambdaARN"))
    return conflicting("A previous rotation isn't complete. That rotation will be reattempted.")


def _unfinished(secret):
    token, version = sm._find_stage_version(secret, "AWSPENDING")
    return token if version and "AWSCURRENT" not in version["Stages"] else None


def _attach_pending(secret, token):
    empty = {"SecretString": None, "SecretBinary": None, "CreatedDate": int(time.time()), "Stages": []}
    secret["Versions"].setdefault(token, empty)
    sm._remove_stage_everywhere(secret, "AWSPENDING", token)
    sm._add_stage(secret, token, "AWSPENDING")


def _background(work, secret, token, function):
    """One rotation of a secret at a time, in turn; the caller's account and region go along."""
    turn = _turns[secret["ARN"]]

    def task():
        with turn:
            try:
                work(secret, token, function)
            except Exception:
                log.exception("rotation of %s", secret["ARN"])

    threading.Thread(target=contextvars.copy_context().run, args=(task,), daemon=True).start()


def _rotate(secret, token, function):
    if "AWSCURRENT" in secret["Versions"].get(token, {}).get("Stages", ()):
        return  # finished by the attempt before this one
    trail.emit(secret, "RotationStarted")
    for pause in (0, *PAUSES):
        time.sleep(pause)
        failed = _failed_step(secret, token, function, STEPS)
        if not failed:
            secret["LastRotatedDate"] = int(time.time())
            trail.emit(secret, "RotationSucceeded")
            return
        log.warning("rotation of %s failed: %s", secret["ARN"], failed)
    trail.emit(secret, "RotationFailed")


def _test_only(secret, token, function):
    _attach_pending(secret, token)
    failed = _failed_step(secret, token, function, ("testSecret",))
    if is_valueless(secret["Versions"].get(token)):
        del secret["Versions"][token]
    log.info("rotation configuration test of %s: %s", secret["ARN"], failed or "passed")


def _failed_step(secret, token, function, steps):
    record, config, _ = lam._get_func_record_for_ref(function)
    if not record:
        return f"{function} does not exist"
    target = lam._execution_record_for_config(record, config)
    for step in steps:
        event = {
            "Step": step,
            "SecretId": secret["ARN"],
            "ClientRequestToken": token,
            "RotationToken": str(uuid.uuid4()),
        }
        result = lam._execute_function_with_config_scope(target, event)
        if result.get("error"):
            return f"{step}: {str(result.get('body'))[:300]}"
    if "finishSecret" in steps and "AWSCURRENT" not in secret["Versions"].get(token, {}).get("Stages", ()):
        return "finishSecret did not make the version current"
    return None


async def handle_request(method, path, headers, body, query_params):
    if headers.get("x-amz-target", "").endswith(".CancelRotateSecret"):
        return cancel_rotate_secret(json.loads(body or b"{}"))
    return await _handle(method, path, headers, body, query_params)


def install():
    sm._rotate_secret, sm.handle_request = rotate_secret, handle_request
