import { Template } from "aws-cdk-lib/assertions";
import { expect, test } from "vitest";
import { manyAccounts, rekey, statements } from "./support.ts";

const transmit = {
  issuer: "https://rekey.example.com/hub",
  jwks: "rekey-jwks-hub/.well-known/jwks.json",
  receivers: [
    {
      name: "idp",
      url: "https://idp.example.com/events",
      audience: "https://idp.example.com",
      authorization: "idp-token",
    },
    { name: "siem", url: "https://siem.example.com/events", audience: "siem" },
  ],
};

test("the transmitter may sign, publish its one document, read what it tells and the receivers' own tokens", () => {
  const { hub } = rekey({ ...manyAccounts, transmit });
  const granted = statements(hub).filter(({ holder, effect }) => /transmit/i.test(holder) && effect === "Allow");
  const of = (service: string) =>
    granted.filter(({ actions }) => actions.some((one) => one.startsWith(`${service}:`))).flatMap((one) => one.actions);
  // The account's own rights to its key (KMS developer guide, "Default key policy") are not the function's.
  const kms = of("kms").filter((one) => one !== "kms:*");
  expect([...kms, ...of("s3"), ...of("secretsmanager")].sort()).toEqual([
    "kms:GetPublicKey",
    "kms:Sign",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutObject",
    "secretsmanager:GetSecretValue",
  ]);
  expect(of("dynamodb").sort()).toEqual(["dynamodb:BatchGetItem", "dynamodb:GetItem"]);
  const named = granted.flatMap(({ resources }) => resources).filter((arn) => /jwks|idp-token/.test(arn));
  expect(named.map((arn) => arn.split(":").at(-1)).sort()).toEqual([
    "idp-token-??????",
    "rekey-jwks-hub",
    "rekey-jwks-hub/.well-known/jwks.json",
  ]);
});

test("it signs with RSA of 2048 bits that nobody else signs with, and is fed by the bus alone", () => {
  const template = Template.fromStack(rekey({ ...manyAccounts, transmit }).hub);
  template.hasResourceProperties("AWS::KMS::Key", { KeySpec: "RSA_2048", KeyUsage: "SIGN_VERIFY" });
  template.hasResourceProperties("AWS::Events::Rule", {
    EventPattern: { source: ["rekey"], "detail-type": ["Rekey Credential Contained"] },
  });
});

test("without receivers there is none; what is no https address is refused", () => {
  const without = Template.fromStack(rekey(manyAccounts).hub);
  expect(JSON.stringify(without.toJSON())).not.toMatch(/transmit/i);
  const [idp] = transmit.receivers;
  for (const url of ["http://idp.example.com/events", "https://u:p@idp.example.com/", "https://idp.example.com/?t=1"]) {
    expect(() => rekey({ ...manyAccounts, transmit: { ...transmit, receivers: [{ ...idp, url } as never] } })).toThrow(
      /https/,
    );
  }
});
