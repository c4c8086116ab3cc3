import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifierPage } from "../../cli/ledger-verifier.ts";
import { formatVkey, verifier } from "../../lib/core/ledger/note.ts";
import { history } from "../../scripts/sample/history.ts";
import { by, sealedLog } from "../review/sealed.ts";
import { startChromium } from "./chromium.ts";

const dir = await mkdtemp(join(tmpdir(), "rekey-verifier-"));
const [log, bent, pack, proof] = ["log", "bent", "pack", "one.tlog-proof"].map((name) => join(dir, name)) as [
  string,
  string,
  string,
  string,
];
const vkey = formatVkey(by);
let browser: Browser;
let page: Page;

type Ran = { readonly code: number; readonly lines: readonly string[] };
const cli = (...args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(process.execPath, ["cli/main.ts", ...args], (error, stdout) =>
      resolve({ code: error ? Number(error.code) : 0, lines: stdout.trimEnd().split("\n") }),
    );
  });

const writeLog = async (to: string): Promise<void> => {
  const sealed = sealedLog(history());
  await sealed.seal();
  for (const [path, bytes] of sealed.files) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    await writeFile(join(to, path), bytes);
  }
  await writeFile(join(to, "vkey"), `${vkey}\n`);
};

/** One letter within an entry, so that its length stays. */
const bend = async (root: string): Promise<void> => {
  const path = join(root, `tile/entries/000.p/${history().length}`);
  const bytes = await readFile(path);
  bytes[bytes.indexOf("postgres")] = "q".charCodeAt(0);
  await writeFile(path, bytes);
};

beforeAll(async () => {
  await writeLog(log);
  await cp(log, bent, { recursive: true });
  await bend(bent);
  await cli("evidence", "nist-csf", "--from", log, "--out", pack);
  await cli("ledger", "prove", "3", "--from", log, "--out", proof);
  await writeFile(join(dir, "verify.html"), await verifierPage());
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  await rm(dir, { recursive: true, force: true });
});

const open = async (): Promise<void> => {
  await page?.close();
  page = await browser.newPage();
  await page.goto(pathToFileURL(join(dir, "verify.html")).href);
};
const shown = async () => {
  await page.getByLabel("Findings").waitFor({ timeout: 30_000 });
  const [title, text] = [await page.getByRole("status").textContent(), await page.getByLabel("Findings").textContent()];
  return { title, lines: text?.split("\n") ?? [] };
};
const choose = async (what: "A folder" | "A proof", path: string, key = "") => {
  await open();
  await page.getByLabel("The key that you trust").fill(key);
  await page.getByLabel(what, { exact: true }).setInputFiles(path);
  return shown();
};
/** As a person drops it: the browser's own input, not an event that a script made. */
const drop = async (path: string, key = "") => {
  await open();
  await page.getByLabel("The key that you trust").fill(key);
  const input = await page.context().newCDPSession(page);
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await input.send("Input.dispatchDragEvent", {
      type,
      ...{ x: 300, y: 380 },
      data: { items: [], files: [path], dragOperationsMask: 1 },
    });
  return shown();
};
/** All but where the key came from, which each names in its own words. */
const but = (lines: readonly string[]) => lines.filter((line) => !line.startsWith("from "));

describe("the verifier in a browser, opened from disk", () => {
  it("verifies an export under the key that it is given, in the words of the command", async () => {
    const told = await choose("A folder", log, vkey);
    expect(told.title).toBe("Verified under your key");
    expect(but(told.lines)).toEqual(but((await cli("ledger", "verify", log, "--vkey", vkey)).lines));
    expect(told.lines).toContain(`entries     ${history().length} of 7 streams`);
  });
  it("says so when nothing was trusted but the export's own key", async () => {
    const told = await choose("A folder", log);
    expect(told.title).toBe("Verified, but only under its own key");
    expect(but(told.lines)).toEqual(but((await cli("ledger", "verify", log)).lines));
  });
  it("names an altered entry in the words of the command", async () => {
    const told = await choose("A folder", bent, vkey);
    const wanted = await cli("ledger", "verify", bent, "--vkey", vkey);
    expect(wanted.code).toBe(1);
    expect(told.title).toBe("Not verified");
    expect(told.lines.filter((line) => line.startsWith("ALTERED"))).toHaveLength(1);
    expect(but(told.lines)).toEqual(but(wanted.lines));
  });
  it("takes a folder that is dropped, and verifies a pack with every file of it", async () => {
    const told = await drop(pack, vkey);
    expect(told.title).toBe("Verified under your key");
    expect(told.lines[0]).toMatch(/every file is what it says \(nist-csf/);
    const csv = join(pack, "csv/RS.MI-01.Q3.csv");
    await writeFile(csv, `${await readFile(csv, "utf8")}x\r\n`);
    const after = await drop(pack, vkey);
    expect(after).toEqual({ title: "Not verified", lines: ["csv/RS.MI-01.Q3.csv is not what the ledger says"] });
    expect((await cli("evidence", "--verify", pack, "--vkey", vkey)).lines).toEqual(after.lines);
  });
  it("shows what the proof of one event proves, and asks for the key that it needs", async () => {
    const told = await choose("A proof", proof, vkey);
    expect(told.title).toBe("Verified under your key");
    expect(told.lines).toEqual((await cli("ledger", "verify", proof, "--vkey", vkey)).lines);
    const without = await choose("A proof", proof);
    expect(without.title).toBe("Nothing was verified");
    expect(without.lines[0]).toMatch(/holds no key of its own/);
    await page.getByLabel("The key that you trust").fill(vkey);
    await page.getByRole("button", { name: "Verify again" }).click();
    await page.getByText("Verified under your key").waitFor();
    const other = await choose("A proof", proof, formatVkey(verifier("another/ledger", by.key)));
    expect(other).toMatchObject({ title: "Not verified", lines: [expect.stringMatching(/^NOT VERIFIED/)] });
  });
  it("says what is missing where there is nothing to verify", async () => {
    const told = await choose("A folder", join(log, "tile"), vkey);
    expect(told.title).toBe("Nothing was verified");
    expect(told.lines[0]).toMatch(/no export \(checkpoint\), evidence pack/);
  });
  it("may load and send nothing", async () => {
    await open();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    const refused = await page.evaluate(`new Promise((resolve) => {
      addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
      fetch("http://127.0.0.1:9/").catch(() => undefined);
    })`);
    expect(refused).toBe("connect-src");
    await page.getByLabel("A folder", { exact: true }).setInputFiles(log);
    await shown();
    expect(asked.filter((url) => !url.startsWith("blob:"))).toEqual([]);
  });
  it("is the same page each time that it is made", async () => {
    expect(await verifierPage()).toBe(await readFile(join(dir, "verify.html"), "utf8"));
  });
});
