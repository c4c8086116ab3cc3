"""IAM users by their full ARN: stock MiniStack authorises calls about them as `user/<name>`, without the path."""
from ministack.core import iam_actions
from ministack.services import iam

_arn = iam_actions.extract_resource_arn


def _user(parameters):
    name = iam_actions._query_param(parameters, "UserName")
    if not name:
        # GetAccessKeyLastUsed names only the key.
        key = iam_actions._query_param(parameters, "AccessKeyId")
        name = iam._access_keys[key]["UserName"] if key in iam._access_keys else None
    return iam._users[name] if name in iam._users else None


def extract_resource_arn(service, method, path, headers, body, parameters, region, account):
    user = _user(parameters) if service == "iam" else None
    return user["Arn"] if user else _arn(service, method, path, headers, body, parameters, region, account)


def install():
    iam_actions.extract_resource_arn = extract_resource_arn
