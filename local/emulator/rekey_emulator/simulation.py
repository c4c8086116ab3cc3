"""IAM: SimulatePrincipalPolicy asks the policies with the context entries that its caller gives."""
import ministack.core.iam_actions as actions
import ministack.core.iam_evaluator as evaluator
from ministack.services import iam

_simulate = iam._simulate_principal_policy


def _entries(parameters):
    found, index = {}, 1
    while name := iam._p(parameters, f"ContextEntries.member.{index}.ContextKeyName"):
        found[name.lower()] = iam._p(parameters, f"ContextEntries.member.{index}.ContextKeyValues.member.1")
        index += 1
    return found


def simulate_principal_policy(parameters):
    """IAM API reference, SimulatePrincipalPolicy: a condition whose key has no entry is not met."""
    entries, made = _entries(parameters), evaluator.EvalContext
    evaluator.EvalContext = lambda **fields: made(**{**fields, "principal_keys": entries})
    try:
        return _simulate(parameters)
    finally:
        evaluator.EvalContext = made


def install():
    """Wraps what stands there now: other patches come first."""
    resource_arn = actions.extract_resource_arn

    def extract_resource_arn(service, *request):
        """A simulation is authorised on the principal whose policies it asks (service authorization reference, IAM)."""
        found = resource_arn(service, *request)
        # method, path, headers, body, query parameters
        return (actions._query_param(request[4], "PolicySourceArn") or found) if service == "iam" else found

    actions.extract_resource_arn = extract_resource_arn
    iam._simulate_principal_policy = simulate_principal_policy
    for table in vars(iam).values():
        if isinstance(table, dict) and table.get("SimulatePrincipalPolicy") is _simulate:
            table["SimulatePrincipalPolicy"] = simulate_principal_policy
