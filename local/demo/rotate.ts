import { RotateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { LocalAws } from "../aws.ts";
import type { Client } from "./client.ts";
import { expectThat, type Report } from "./report.ts";
import type { Secrets } from "./secrets.ts";
import { clientConfig, until } from "./stage.ts";

const ORDERS = "demo/orders";

/**
 * Lets time pass for one secret: its next rotation is due now, and the emulator's own schedule starts it. Another endpoint
 * knows no such shortcut: there the rotation is asked for, and the line says so.
 */
const makeDue = async (report: Report, aws: LocalAws, arn: string) => {
  const url = `${aws.endpoint}/_rekey/due?secret=${encodeURIComponent(arn)}`;
  const { ok } = await fetch(url, { method: "POST" });
  if (ok) return;
  report.detail("this endpoint cannot let time pass: rotating by RotateSecret instead of by schedule");
  await new SecretsManagerClient(clientConfig(aws)).send(new RotateSecretCommand({ SecretId: arn }));
};

/** A scheduled rotation through Secrets Manager's four steps, under an application that queries without pause. */
export const rotateOnSchedule = (report: Report, aws: LocalAws, secrets: Secrets, client: Client) =>
  report.step(
    "scheduled rotation by Secrets Manager's four steps, the application querying throughout",
    async () => {
      const before = await secrets.describe(ORDERS);
      const login = client.tally().login;
      client.reset();
      await makeDue(report, aws, before.arn);
      await secrets.rotated(ORDERS, before.current);
      // As an application does that was told of the rotation, or whose cache has run out.
      await client.refresh();
      const tally = await until("the application on its new login", async () => {
        const seen = client.tally();
        return seen.login !== login ? seen : undefined;
      });
      expectThat(tally.lost === 0, `the application lost ${tally.lost} of ${tally.queries} queries`);
      return { from: login, to: tally.login, queries: tally.queries, lost: tally.lost };
    },
    (seen) => seen,
  );
