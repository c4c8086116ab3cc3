import { App, Duration, Stack, Tags } from "aws-cdk-lib";
import { Role, ServicePrincipal, User } from "aws-cdk-lib/aws-iam";
import { AdminSecret } from "../../cdk/constructs/admin-secret.ts";
import { RotatedSecret } from "../../cdk/constructs/rotated-secret.ts";

const app = new App();
const setting = (name: string, otherwise: string): string => String(app.node.tryGetContext(name) ?? otherwise);

const ADMIN = "demo/admin";
const prefix = setting("prefix", "rekey");
/** Where the database is. Give yours with `-c host=… -c port=… -c dbname=… -c dbInstanceIdentifier=…`. */
const database = {
  engine: "postgres" as const,
  host: setting("host", "localhost"),
  port: Number(setting("port", "5432")),
  dbname: setting("dbname", "app"),
  dbInstanceIdentifier: setting("dbInstanceIdentifier", "demo"),
};
/** A database on this machine has no certificate; anywhere else leave it at `verify-full`. */
const tls = setting("tls", "verify-full") === "disable" ? "disable" : "verify-full";

/** First the login that rotates the others. Its value is put in by hand before the second stack is deployed. */
const admin = new Stack(app, "DemoAdmin", { description: "Rekey demo: the database's admin login" });
new AdminSecret(admin, "Admin", { secretName: ADMIN });

const workloads = new Stack(app, "DemoWorkloads", { description: "Rekey demo: two workloads and a CI user" });
workloads.addStackDependency(admin);

const workload = (name: string) =>
  new Role(workloads, name, {
    roleName: `demo-${name.toLowerCase()}`,
    assumedBy: new ServicePrincipal("ecs-tasks.amazonaws.com"),
  });

/** Two logins take turns, so that a rotation refuses nobody: the other one goes on working. */
const orders = workload("Orders");
new RotatedSecret(workloads, "OrdersDatabase", {
  kind: "postgres",
  workload: orders,
  schedule: Duration.days(7),
  secretName: "demo/orders",
  prefix,
  target: {
    admin: ADMIN,
    strategy: "alternating",
    logins: ["orders_a", "orders_b"],
    owner: "orders_owner",
    reader: "orders_reader",
    tls,
  },
  material: { ...database, username: "orders_a" },
}).grantRead(orders);

/** One login: simpler, with a moment in which the old password is refused and the new one not yet read. */
const billing = workload("Billing");
new RotatedSecret(workloads, "BillingDatabase", {
  kind: "postgres",
  workload: billing,
  schedule: "cron(0 3 ? * MON *)",
  secretName: "demo/billing",
  prefix,
  target: { admin: ADMIN, strategy: "single", tls },
  material: { ...database, username: "billing" },
}).grantRead(billing);

/** A user under `/rekey/`, where Rekey may make and end access keys. */
const ci = new User(workloads, "CiDeployer", { userName: "ci-deployer", path: "/rekey/" });
new RotatedSecret(workloads, "CiDeployerKey", {
  kind: "iam-access-key",
  workload: "ci-deployer",
  schedule: Duration.days(1),
  secretName: "demo/ci-deployer",
  prefix,
  target: { user: ci.userName },
});
Tags.of(app).add("project", "rekey-demo");
