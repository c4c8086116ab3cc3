import { Template } from "aws-cdk-lib/assertions";
import { expect, test } from "vitest";
import { settle } from "../../cdk/config.ts";
import { flat, rekey, resources, singleAccount, statements } from "./support.ts";

const hubOf = (ledgerKeys?: number[]) => rekey({ ...singleAccount, ...(ledgerKeys && { ledgerKeys }) }).hub;
type Hub = ReturnType<typeof hubOf>;

const ED25519 = "ECC_NIST_EDWARDS25519";
const keys = (hub: Hub) =>
  resources(hub, "AWS::KMS::Key").filter(([, { Properties: p }]) => p?.["KeySpec"] === ED25519);
const states = (hub: Hub) =>
  Object.fromEntries(keys(hub).map(([id, { Properties: p }]) => [flat({ Ref: id }), p?.["Enabled"] ?? true]));
const aliases = (hub: Hub) =>
  Object.fromEntries(
    resources(hub, "AWS::KMS::Alias")
      .filter(([, { Properties: p }]) => /rekey-ledger/.test(String(p?.["AliasName"])))
      .map(([, { Properties: p }]) => [p?.["AliasName"], flat(p?.["TargetKeyId"])]),
  );
const mayWith = (hub: Hub, action: string) =>
  Object.fromEntries(
    statements(hub)
      .filter(({ effect, actions, holder }) => effect === "Allow" && actions.includes(action) && /Role/.test(holder))
      .map(({ holder, resources: of }) => [
        /Seal|Watch|Project/.exec(holder)?.[0] ?? holder,
        of.filter((one) => /Signing/.test(one)),
      ])
      .filter(([, of]) => (of?.length ?? 0) > 0),
  );
const nextOf = (hub: Hub) =>
  resources(hub, "AWS::Lambda::Function").flatMap(([, { Properties: p }]) => {
    const { Variables: all } = (p?.["Environment"] ?? {}) as { Variables?: Record<string, string> };
    return all?.["REKEY_NEXT_LEDGER_KEY"] ?? [];
  });

test("a log has one key until it is told of another, and the first is the one that was there before keys had numbers", () => {
  const hub = hubOf();
  expect(states(hub)).toEqual({ "<SigningKey>": true });
  expect(Object.keys(aliases(hub))).toEqual(["alias/rekey-ledger"]);
  expect(nextOf(hub)).toEqual([]);
});

test("while a key takes over both sign, in the sealer alone, and whoever reads may read both", () => {
  const hub = hubOf([1, 2]);
  expect(states(hub)).toEqual({ "<SigningKey>": true, "<SigningKey2>": true });
  expect(aliases(hub)).toEqual({
    "alias/rekey-ledger": "<SigningKey.Arn>",
    "alias/rekey-ledger-next": "<SigningKey2.Arn>",
  });
  expect(nextOf(hub)).toEqual(["alias/rekey-ledger-next"]);
  expect(mayWith(hub, "kms:Sign")).toEqual({ Seal: ["<SigningKey.Arn>", "<SigningKey2.Arn>"] });
  const readers = mayWith(hub, "kms:GetPublicKey");
  expect(Object.keys(readers).sort()).toEqual(["Project", "Seal", "Watch"]);
  for (const of of Object.values(readers)) expect(of).toHaveLength(2);
});

test("the handover ends with the old key disabled and kept, and the new one under the log's name", () => {
  const hub = hubOf([2]);
  expect(states(hub)).toEqual({ "<SigningKey>": false, "<SigningKey2>": true });
  expect(aliases(hub)).toEqual({ "alias/rekey-ledger": "<SigningKey2.Arn>" });
  expect(nextOf(hub)).toEqual([]);
  expect(mayWith(hub, "kms:Sign")).toEqual({ Seal: ["<SigningKey2.Arn>"] });
  Template.fromStack(hub).allResources("AWS::KMS::Key", { DeletionPolicy: "Retain" });
  Template.fromStack(hubOf([2, 3])).resourcePropertiesCountIs("AWS::KMS::Key", { KeySpec: ED25519 }, 3);
});

test.each([[[]], [[1, 3]], [[2, 1]], [[1, 1]], [[0]], [[1.5]], [[1, 2, 3]]])(
  "ledgerKeys %j is refused",
  (ledgerKeys) => {
    expect(() => settle({ ledgerKeys }, "my.config.ts")).toThrow(/ledgerKeys/);
  },
);
