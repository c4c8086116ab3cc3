/** What the demo deploys Rekey with: `cdk deploy -c config=examples/two-workloads/rekey.config.mjs`. */
export default {
  // Whom a containment may deny: the workloads' roles, and nobody else in the account.
  quarantine: { roles: ["demo-*"], users: [] },
  // Who may approve what waits for people: anybody of the account but whoever asked for it.
  approvals: { approvers: ["*"] },
};
