import { expect, test } from "vitest";
import { manyAccounts, rekey, statements } from "./support.ts";

test("what Rekey may isolate is what the config names, and nothing without it", () => {
  const { hub, spokes } = rekey({ ...manyAccounts, isolate: { lambda: ["reports-*"], ecs: ["prod"] } });
  const granted = spokes.flatMap((stack) => statements(stack)).filter(({ holder }) => /isolate/i.test(holder));
  const acts = granted.filter(({ actions }) => actions.some((one) => /^(?:ecs|lambda):/.test(one)));
  expect(new Set(acts.flatMap(({ actions }) => actions))).toEqual(
    new Set([
      "ecs:DescribeTasks",
      "ecs:StopTask",
      "lambda:DeleteFunctionConcurrency",
      "lambda:GetFunctionConcurrency",
      "lambda:PutFunctionConcurrency",
    ]),
  );
  const ends = acts.flatMap(({ resources }) => resources.map((arn) => arn.split(/\d{12}:/).at(-1)));
  expect(new Set(ends)).toEqual(new Set(["function:reports-*", "task/prod/*"]));
  const invokes = (stack: typeof hub) =>
    statements(stack).some(({ resources }) => resources.some((arn) => /rekey-isolate/.test(arn)));
  expect(invokes(hub)).toBe(true);
  expect(invokes(rekey(manyAccounts).hub)).toBe(false);
  expect(() => rekey({ ...manyAccounts, isolate: { lambda: ["*"] } })).toThrow(/isolate/);
  expect(() => rekey({ ...manyAccounts, isolate: {} })).toThrow(/isolate/);
});
