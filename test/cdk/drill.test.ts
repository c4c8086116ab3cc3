import { expect, test } from "vitest";
import { rekey, resources, singleAccount, statements } from "./support.ts";

const drill = { everyHours: 24 };

test("a drill may touch its own canary and nothing else of the account", () => {
  const { hub } = rekey({ ...singleAccount, drill });
  const own = statements(hub).filter(({ holder, effect }) => effect === "Allow" && /^<Drill/.test(holder));
  const on = (service: string) =>
    own.filter(({ actions }) => actions.some((one) => one.startsWith(service))).flatMap((one) => one.resources);
  expect(new Set(on("iam:"))).toEqual(new Set(["<CanaryUser.Arn>"]));
  expect(new Set(on("secretsmanager:"))).toEqual(new Set(["<CanarySecret>"]));
  const [[, user] = []] = resources(hub, "AWS::IAM::User");
  expect(user?.Properties).toMatchObject({ Path: "/rekey/", UserName: "rekey-drill" });
  expect(resources(hub, "AWS::IAM::UserPolicy")).toEqual([]);
});

test("there is none unless the config asks for it, and where nothing could end its key it is refused", () => {
  expect(resources(rekey(singleAccount).hub, "AWS::IAM::User")).toEqual([]);
  const databases = { ...singleAccount, networks: [{ name: "db", kinds: ["postgres" as const] }] };
  expect(() => rekey({ ...databases, drill })).toThrow(/drill: no network of the hub's account/);
  expect(() => rekey({ ...singleAccount, drill: { everyHours: 0 } })).toThrow(/drill/);
});
