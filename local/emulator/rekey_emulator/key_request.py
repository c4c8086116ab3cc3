"""KMS: what CreateKey asks for, and what a key's aliases are, as condition keys (KMS developer guide, condition keys
kms:KeyUsage, kms:KeySpec and kms:ResourceAliases);
a key that is pending deletion is neither enabled nor disabled (KMS developer guide, key states)."""
import json

import ministack.core.iam_actions as actions
from ministack.services import kms

_KEYS = {"kms:KeyUsage": ("KeyUsage", "ENCRYPT_DECRYPT"), "kms:KeySpec": ("KeySpec", "SYMMETRIC_DEFAULT")}


def _unless_pending_deletion(change):
    def guarded(data):
        key = kms._resolve_key(data.get("KeyId", ""))
        return kms._check_key_state(key) if key and key["KeyState"] == "PendingDeletion" else change(data)

    return guarded


def _aliases_of(key_id):
    key = kms._resolve_key(key_id) or {}
    return [arn.rsplit(":", 1)[-1] for arn, target in kms._aliases.items() if target == key.get("KeyId")]


def install():
    kms._enable_key = _unless_pending_deletion(kms._enable_key)
    kms._disable_key = _unless_pending_deletion(kms._disable_key)
    tags = actions.request_tag_context

    def request_tag_context(service, iam_action, body, params):
        found = tags(service, iam_action, body, params)
        if service == "kms" and iam_action != "kms:CreateKey":
            return {**found, "kms:ResourceAliases": _aliases_of(json.loads(body or b"{}").get("KeyId", ""))}
        if iam_action != "kms:CreateKey":
            return found
        asked = json.loads(body or b"{}")
        return {**found, **{name: asked.get(field, usual) for name, (field, usual) in _KEYS.items()}}

    actions.request_tag_context = request_tag_context
