"""EventBridge targets: the resource policy is asked, and Lambda gets asynchronous semantics (retries, OnFailure, DLQ)."""
import contextvars
import json
import logging

from ministack.core.responses import get_account_id
from ministack.services import eventbridge as bus
from ministack.services import lambda_svc as lam
from ministack.services import sqs

from .permission import service_may_invoke

log = logging.getLogger("rekey_emulator.events")
SERVICE = "events.amazonaws.com"
_rule_arn = contextvars.ContextVar("rule_arn", default="")
_invoke, _to_sqs = bus._invoke_target, bus._dispatch_to_sqs


def invoke_target(target, event, rule, view=None):
    token = _rule_arn.set(rule.get("Arn", ""))
    try:
        _invoke(target, event, rule, view)
    finally:
        _rule_arn.reset(token)


def to_lambda(arn, payload):
    function, config, name = lam._get_func_record_for_ref(arn)
    if not function:
        return log.warning("EventBridge: function %s not found", name)
    if not service_may_invoke(function, arn, SERVICE, _rule_arn.get()):
        return log.warning("EventBridge: the policy of function %s does not allow rule %s", name, _rule_arn.get())
    record = {**function, **lam._execution_record_for_config(function, config)}
    lam.invoke_async_with_retry(record, json.loads(payload))


def to_sqs(spec, payload, sqs_parameters=None):
    if not sqs.queue_policy_allows(str(spec), SERVICE, _rule_arn.get(), get_account_id()):
        return log.warning("EventBridge: the policy of queue %s does not allow rule %s", spec.resource, _rule_arn.get())
    _to_sqs(spec, payload, sqs_parameters)


def install():
    bus._invoke_target, bus._dispatch_to_lambda, bus._dispatch_to_sqs = invoke_target, to_lambda, to_sqs
