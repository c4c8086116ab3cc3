import type { LocalAws } from "../aws.ts";
import type { Client } from "./client.ts";
import { expectThat, type Report } from "./report.ts";
import type { Secrets } from "./secrets.ts";
import { until } from "./stage.ts";

const ORDERS = "demo/orders";

/** Lets time pass for one secret: its next rotation is due now. The emulator's own schedule then starts it. */
const makeDue = async (aws: LocalAws, arn: string) => {
  const url = `${aws.endpoint}/_rekey/due?secret=${encodeURIComponent(arn)}`;
  const answer = await fetch(url, { method: "POST" });
  expectThat(answer.ok, `the local AWS would not let time pass: ${answer.status} ${await answer.text()}`);
};

/** A scheduled rotation through Secrets Manager's four steps, under an application that queries without pause. */
export const rotateOnSchedule = (report: Report, aws: LocalAws, secrets: Secrets, client: Client) =>
  report.step(
    "scheduled rotation by Secrets Manager's four steps, the application querying throughout",
    async () => {
      const before = await secrets.describe(ORDERS);
      const login = client.tally().login;
      client.reset();
      await makeDue(aws, before.arn);
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
