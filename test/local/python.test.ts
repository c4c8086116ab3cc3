import { expect, test } from "vitest";
import { startAws } from "../../local/aws.ts";
import { cleanEnv, freePort, isAlive, run, stopGroup } from "../../local/process.ts";
import { findPython, preparePython } from "../../local/python.ts";

test("without Python the error says what to do", async () => {
  await expect(findPython(["no-such-python"])).rejects.toThrow(/AWS_ENDPOINT_URL.*apt-get install python3/s);
});

test("a command that hangs is ended with its children, and named", async () => {
  await expect(run("sh", ["-c", "echo begun; sleep 60"], { timeoutMs: 300 })).rejects.toThrow(
    /sh -c .*not finished after 0\.3 s\nbegun/s,
  );
});

test("stopping what is gone succeeds", async () => {
  const { output } = await run("sh", ["-c", "echo $$"], { timeoutMs: 5_000 });
  const pid = Number(output);
  expect(isAlive(pid)).toBe(false);
  await stopGroup(pid, 100);
});

test("an endpoint of the user's that does not answer is named", async () => {
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  process.env["AWS_ENDPOINT_URL"] = endpoint;
  try {
    await expect(startAws({ dir: "/nonexistent" })).rejects.toThrow(new RegExp(`AWS_ENDPOINT_URL ${endpoint}`));
  } finally {
    delete process.env["AWS_ENDPOINT_URL"];
  }
});

test("the emulator refuses to start on a MiniStack that lacks a name it patches", async () => {
  const python = await preparePython();
  const program = [
    "import ministack.services.sqs as sqs",
    "del sqs.queue_policy_allows",
    "from rekey_emulator import patches",
    "patches.check()",
  ].join("\n");
  const done = await run(python.command, ["-c", program], { timeoutMs: 20_000, env: cleanEnv(python.env) });
  expect(done.code).toBe(1);
  expect(done.output).toContain("missing: ministack.services.sqs.queue_policy_allows");
});
