"""GetAccessKeyLastUsed: when a key last signed a request that authenticated, for which service, in which region.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKeyLastUsed.html: a refused permission counts too, it is the
attempt that is noted; N/A for a key that was never used. Stock MiniStack keeps no record.
"""
import ministack.core.iam_evaluator as evaluator
from ministack.services import iam

_enforce, _stock = evaluator.enforce, iam._get_access_key_last_used
_used = {}


def enforce(access_key_id, iam_action, service, region, *rest, **named):
    result = _enforce(access_key_id, iam_action, service, region, *rest, **named)
    if access_key_id in iam._access_keys and not isinstance(result, evaluator.AuthError):
        _used[access_key_id] = (iam._now(), service, region)
    return result


def get_access_key_last_used(parameters):
    key = iam._p(parameters, "AccessKeyId")
    if key not in _used or key not in iam._access_keys:
        return _stock(parameters)
    at, service, region = _used[key]
    return iam._xml(200, "GetAccessKeyLastUsedResponse",
                    f"<GetAccessKeyLastUsedResult><UserName>{iam._access_keys[key]['UserName']}</UserName>"
                    f"<AccessKeyLastUsed><LastUsedDate>{at}</LastUsedDate><ServiceName>{service}</ServiceName>"
                    f"<Region>{region}</Region></AccessKeyLastUsed></GetAccessKeyLastUsedResult>")


def install():
    evaluator.enforce = enforce
    iam._IAM_HANDLERS["GetAccessKeyLastUsed"] = get_access_key_last_used
