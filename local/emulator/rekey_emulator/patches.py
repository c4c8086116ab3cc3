"""Which private names of MiniStack we replace or call. Checked at start, so that another version fails loudly."""
import importlib
import importlib.metadata

VERSION = "1.5.33"

NEEDED = {
    "ministack.app": ("app", "main", "pin_request_origin"),
    "ministack.core.concurrency": ("esm_wake",),
    "ministack.core.iam_actions": ("_dynamodb_table_arn", "_query_param", "_s3_object_context", "dynamodb_transaction_checks", "extract_resource_arn", "request_tag_context"),
    "ministack.core.iam_evaluator": (
        "_resolve_condition_key", "_gather_role_policies", "_gather_user_policies", "_permissions_boundary", "AuthError", "caller_arn", "enforce",
        "evaluate", "EvalContext", "evaluate_resource_policy", "pin_request_origin", "resolve_caller_identity", "resolve_principal",
    ),
    "ministack.services.cloudtrail": ("_DISPATCH", "_get_event_queue", "_lookup_events", "_ok", "record_event"),
    "ministack.core.rds_iam": ("RdsIamTokenError", "verify_rds_iam_token"),
    "ministack.core.responses": (
        "_request_account_id", "request_scope",
        "error_response_json", "json_response", "get_account_id", "get_region",
        "set_request_account_id", "set_request_region",
    ),
    "ministack.services.bedrock": ("_list_foundation_models",),
    "ministack.services.cognito": (
        "_authenticate_client", "_client_id", "_client_secret", "_dispatch_idp", "_find_pool_by_client_id", "_oauth2_error", "_resolve_pool",
        "_revoke_token", "_token_claims", "_validate_client_secret_hash", "parse_qs",
    ),
    "ministack.services.dynamodb": ("_update_ttl", "_update_continuous_backups"),
    "ministack.services.eventbridge": ("_dispatch_event", "_dispatch_to_lambda", "_dispatch_to_sqs", "_invoke_target", "_put_events", "_target_matches_request_scope"),
    "ministack.services.iam": (
        "_IAM_HANDLERS", "_access_keys", "_create_access_key", "_error", "_future", "_gen_id",
        "_get_access_key_last_used", "_now", "_p", "_roles", "_simulate_principal_policy", "_users", "_xml",
    ),
    "ministack.services.kms": ("_aliases", "_check_key_state", "_disable_key", "_enable_key", "_resolve_key"),
    "ministack.core.lambda_runtime": ("_NODEJS_WORKER_SCRIPT",),
    "ministack.services.lambda_svc": (
        "_esms", "_execute_function_warm", "_execute_function_with_config_scope", "_execution_record_for_config",
        "_functions", "_get_func_record_for_ref", "_invoke", "_request_access_key", "_poll_dynamodb_streams", "_poll_kinesis", "_poll_loop", "_poll_sqs",
        "invoke_async_with_retry",
    ),
    "ministack.services.organizations": ("_accounts", "_attachments", "_orgs", "_ous", "_policies", "_update_policy"),
    "ministack.services.s3": ("_put_object_lock_configuration",),
    "ministack.services.secretsmanager": (
        "_add_stage", "_create_secret", "_delete_resource_policy", "_describe_secret", "_find_stage_version",
        "_get_secret_value", "_is_replica", "_list_secret_version_ids", "_list_secrets", "_put_resource_policy",
        "_put_secret_value", "_remove_stage", "_remove_stage_everywhere", "_replica_mutation_error", "_resolve",
        "_rotate_secret", "_secrets", "handle_request",
    ),
    "ministack.services.sts": ("_sessions",),
    "ministack.services.sqs": ("_queue_by_arn", "queue_policy_allows"),
    "ministack.services.tagging": ("_RESOURCE_TAG_COLLECTORS", "_collect_cognito", "resource_tags"),
    "ministack.services.cloudformation.provisioners": ("_RESOURCE_HANDLERS",),
}


def check():
    """Raises SystemExit naming whatever this MiniStack lacks."""
    found = importlib.metadata.version("ministack")
    missing = [
        f"{module}.{name}"
        for module, names in NEEDED.items()
        for name in names
        if not hasattr(importlib.import_module(module), name)
    ]
    if missing or found != VERSION:
        raise SystemExit(
            f"rekey_emulator patches ministack {VERSION}, found {found}; missing: {', '.join(missing) or 'nothing'}. "
            "Install local/emulator/requirements.txt, or port the patches."
        )


def install():
    """Checks every name first, then applies all patches."""
    check()
    from . import callers, cloudformation, cognito_secrets, conditions, control, cross_account, detectors, ecs_services, error_names, events, iam, iam_users, key_request, last_used, organizations, partiql, polling, rds_iam, rotation, service_credentials, simulation, sweep, usage, versions

    for module in (callers, versions, rotation, events, detectors, iam, iam_users, partiql, conditions, cloudformation, polling, sweep, usage, last_used, key_request, control, service_credentials, simulation, cognito_secrets, ecs_services, organizations, rds_iam, error_names, cross_account):
        module.install()
