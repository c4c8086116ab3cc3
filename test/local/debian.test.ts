import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { debianServer } from "../../local/debian.ts";
import { run } from "../../local/process.ts";

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "rekey-debian-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

it("finds or fetches a server that runs, and answers at once the second time", { timeout: 300_000 }, async () => {
  const [first, twin] = await Promise.all([1, 2].map(() => debianServer("redis-server", "redis-server", { home })));
  const again = await debianServer("redis-server", "redis-server", { home });
  for (const found of [first, twin, again]) {
    if (!found) throw new Error("no answer");
    if ("missing" in found) {
      expect(found.missing).toMatch(/not here|could not be fetched/);
      continue;
    }
    const { code, output } = await run(found.path, ["--version"], { timeoutMs: 5_000, env: { ...found.env } });
    expect([code, output]).toEqual([0, expect.stringContaining("Redis server v=")]);
  }
});

it("says why there is none", { timeout: 300_000 }, async () => {
  const found = await debianServer("rekey-no-such-package", "rekey-no-such-binary", { home });
  expect(found).toEqual({ missing: expect.stringContaining("rekey-no-such-package") });
});
