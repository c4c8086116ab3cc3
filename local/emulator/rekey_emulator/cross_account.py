"""What crosses accounts: a function that another account's role invokes by its ARN, and a queue that another account's rule feeds.

Sources: AWS, Lambda developer guide, "Cross-account access" (the caller's policy and the function's own both have to allow);
EventBridge user guide, "Sending events to an AWS service in another account" (EventBridge acts under the target's role, and
the queue's policy has to let that role in). Stock MiniStack answers for the caller's account only.
"""
import contextvars
import logging

import ministack.core.iam_evaluator as evaluator
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import _request_account_id, error_response_json, get_account_id, get_region
from ministack.services import eventbridge as bus
from ministack.services import iam, sqs
from ministack.services import lambda_svc as lam

from .events import _role_arn
from .events import _to_sqs as deliver

log = logging.getLogger("rekey_emulator.cross_account")


def _role_of(arn):
    """The role behind a session's ARN, and its account."""
    parts = arn.split(":")
    role = parts[5].split("/")[1] if parts[2] == "sts" else parts[5].split("/")[-1]
    return f"arn:aws:iam::{parts[4]}:role/{role}", parts[4]


def _lets_in(policy, action, resource, role, account):
    context = evaluator.EvalContext(
        principal_arn=role, principal_type="AssumedRole", principal_account=account, action=action,
        resource_arn=resource, region=get_region(),
    )
    return evaluator.evaluate_resource_policy(policy, context).decision == "Allow"


def _elsewhere(arn):
    try:
        spec = parse_arn(arn)
    except ArnParseError:
        return None
    return spec if spec.account_id != get_account_id() else None


def _as_owner(spec, payload, sqs_parameters):
    _request_account_id.set(spec.account_id)
    deliver(spec, payload, sqs_parameters)


def install():
    """Wraps what stands there now: other patches come first."""
    invoke, matches, to_sqs = lam._invoke, bus._target_matches_request_scope, bus._dispatch_to_sqs

    async def invoke_there(name, event, headers, *rest, **named):
        spec = _elsewhere(name) if name.startswith("arn:") else None
        if spec is None:
            return await invoke(name, event, headers, *rest, **named)
        caller = evaluator.resolve_caller_identity(lam._request_access_key.get()) or {}
        role, account = _role_of(caller.get("userArn", ":::::/"))
        function = lam._functions.get_scoped(spec.account_id, spec.region, spec.resource.split(":")[1])
        if function is None or not _lets_in(function.get("policy"), "lambda:InvokeFunction", name, role, account):
            return error_response_json(
                "AccessDeniedException",
                f"User: {caller.get('userArn')} is not authorized to perform: lambda:InvokeFunction on resource: {name} "
                "because no resource-based policy allows the lambda:InvokeFunction action",
                403,
            )
        token = _request_account_id.set(spec.account_id)
        try:
            return await invoke(spec.resource.split(":")[1], event, headers, *rest, **named)
        finally:
            _request_account_id.reset(token)

    def target_matches(spec):
        return matches(spec) or (spec.service == "sqs" and spec.region == get_region())

    def to_queue(spec, payload, sqs_parameters=None):
        if spec.account_id == get_account_id():
            return to_sqs(spec, payload, sqs_parameters)
        role, account = _role_of(_role_arn.get() or ":::::/")
        own = evaluator.EvalContext(
            principal_arn=role, principal_type="AssumedRole", principal_account=account, action="sqs:SendMessage",
            resource_arn=str(spec), region=get_region(),
        )
        may = account == get_account_id() and iam._roles.get_scoped(account, None, role.rsplit("/", 1)[-1])
        queue = sqs._queue_by_arn(str(spec))
        allowed = may and evaluator.evaluate(own, evaluator._gather_role_policies(role.rsplit("/", 1)[-1], account)).decision == "Allow"
        if not allowed or queue is None or not _lets_in(queue["attributes"].get("Policy"), "sqs:SendMessage", str(spec), role, account):
            return log.warning("EventBridge: role %s may not send to %s", role, spec)
        return contextvars.copy_context().run(_as_owner, spec, payload, sqs_parameters)

    lam._invoke, bus._target_matches_request_scope, bus._dispatch_to_sqs = invoke_there, target_matches, to_queue

