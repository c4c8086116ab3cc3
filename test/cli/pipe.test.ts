import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { root } from "../../local/process.ts";

it("a command whose reader has gone ends in silence", async () => {
  const child = spawn(process.execPath, [join(root, "cli/main.ts"), "query", "--list"]);
  child.stdout.destroy();
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  expect([said, code]).toEqual(["", 0]);
});
