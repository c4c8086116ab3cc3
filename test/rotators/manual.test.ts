import { expect, it } from "vitest";
import { secret } from "../../lib/core/secret.ts";
import type { Deps } from "../../lib/core/types.ts";
import manual from "../../lib/rotators/manual.ts";
import { rotatorContract } from "../contract/rotator.ts";
import { realClock } from "../support/clock.ts";

const deps: Deps = {
  aws: () => {
    throw new Error("nothing is asked of AWS");
  },
  clock: realClock,
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  readAdmin: async () => secret({}),
};
const material = { apiKey: "rk_for_this_test_alone_0001", baseUrl: "https://api.stripe.com" };

// Its provider is asked nothing: there is neither a try nor a session, and nothing to sweep or to restore.
rotatorContract(
  "manual",
  () => ({
    rotator: manual,
    deps,
    target: { provider: "stripe", resource: "live-key" },
    current: secret({ ...material }),
  }),
  { lacks: ["acts", "rotation", "sessions", "unreachable", "restore", "sweep", "orphan", "stranger"] },
);

it("goes by its provider's name for it, and by the digest of what cannot be guessed", () => {
  const names = manual.identifiers({ provider: "stripe", resource: "live-key" }, { ...material, pin: "0451" }, "1");
  expect(names).toContain("api-key:stripe/live-key");
  expect(names.filter((name) => name.startsWith("leak:sha256/"))).toHaveLength(2);
});

it.each([{}, undefined])("takes no empty value", (value) => {
  expect(manual.material.safeParse(value).success).toBe(false);
});
