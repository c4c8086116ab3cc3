"""PartiQL by what a statement does: stock MiniStack authorises the call's own name, which is no IAM action."""
import json
import re

from ministack.core import iam_actions

_checks = iam_actions.dynamodb_transaction_checks
_CALLS = ("dynamodb:BatchExecuteStatement", "dynamodb:ExecuteStatement")
_STATEMENT = re.compile(r'\s*(?P<verb>SELECT|INSERT|UPDATE|DELETE)\b(?:.*?\b(?:FROM|INTO))?\s+"?(?P<table>[\w.-]+)', re.IGNORECASE | re.DOTALL)


def dynamodb_transaction_checks(iam_action, body, region, account):
    """`dynamodb:PartiQLUpdate` and its kin, on the table that each statement names (service authorization reference)."""
    if iam_action not in _CALLS:
        return _checks(iam_action, body, region, account)
    request = json.loads(body or b"{}")
    found = [_STATEMENT.match(one.get("Statement") or "") for one in request.get("Statements") or [request]]
    if not all(found):
        return []
    return sorted({
        (f"dynamodb:PartiQL{one['verb'].title()}", iam_actions._dynamodb_table_arn(one["table"], region, account))
        for one in found
    })


def install():
    iam_actions.dynamodb_transaction_checks = dynamodb_transaction_checks
