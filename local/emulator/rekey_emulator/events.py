"""Targets of EventBridge and its Scheduler: the policy of the resource, or of the Scheduler's role, is asked, and Lambda
gets asynchronous semantics (retries, OnFailure, DLQ)."""
import contextvars
import json
import logging

from ministack.core.responses import get_account_id
from ministack.services import eventbridge as bus
from ministack.services import lambda_svc as lam
from ministack.services import sqs

from .permission import role_may_invoke, service_may_invoke

log = logging.getLogger("rekey_emulator.events")
SERVICE = "events.amazonaws.com"
SCHEDULER = "scheduler.amazonaws.com"
_rule_arn = contextvars.ContextVar("rule_arn", default="")
_role_arn = contextvars.ContextVar("role_arn", default="")
_invoke, _to_sqs = bus._invoke_target, bus._dispatch_to_sqs


def invoke_target(target, event, rule, view=None):
    token, role = _rule_arn.set(rule.get("Arn", "")), _role_arn.set(target.get("RoleArn", ""))
    try:
        _invoke(target, event, rule, view)
    finally:
        _rule_arn.reset(token)
        _role_arn.reset(role)


def _may_invoke(function, arn):
    """A schedule acts under its target's role (Scheduler user guide, "Execution role"); a rule by the function's own policy."""
    source = _rule_arn.get()
    if ":scheduler:" in source:
        return role_may_invoke(_role_arn.get(), arn, SCHEDULER, source)
    return service_may_invoke(function, arn, SERVICE, source)


def to_lambda(arn, payload):
    function, config, name = lam._get_func_record_for_ref(arn)
    if not function:
        return log.warning("EventBridge: function %s not found", name)
    if not _may_invoke(function, arn):
        return log.warning("EventBridge: function %s may not be invoked for %s", name, _rule_arn.get())
    record = {**function, **lam._execution_record_for_config(function, config)}
    lam.invoke_async_with_retry(record, json.loads(payload))


def to_sqs(spec, payload, sqs_parameters=None):
    if not sqs.queue_policy_allows(str(spec), SERVICE, _rule_arn.get(), get_account_id()):
        return log.warning("EventBridge: the policy of queue %s does not allow rule %s", spec.resource, _rule_arn.get())
    _to_sqs(spec, payload, sqs_parameters)


def install():
    bus._invoke_target, bus._dispatch_to_lambda, bus._dispatch_to_sqs = invoke_target, to_lambda, to_sqs
