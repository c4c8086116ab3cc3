import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { drawn } from "../../scripts/plot-drain.ts";
import { root } from "./pages.ts";

it("the figure and the numbers on the page of schedules are what the simulation gives now", async () => {
  for (const [name, content] of Object.entries(await drawn())) {
    expect(await readFile(join(root, "docs/explanation", name), "utf8"), "node scripts/plot-drain.ts").toBe(content);
  }
});
