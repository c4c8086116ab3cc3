import { ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import type { LifecycleEvent } from "../../../lib/core/events.ts";
import { appendTo } from "../../../lib/core/ledger/append.ts";
import { toBytes, toText } from "../../../lib/core/ledger/bytes.ts";
import { verifier } from "../../../lib/core/ledger/note.ts";
import { checkProofs, ENTRIES, PROOFS, type ProofsOf, proofsLines } from "../../../lib/core/ledger/proofs-of.ts";
import { openShards } from "../../../lib/core/ledger/shards.ts";
import { examine } from "../../../lib/engine/examine.ts";
import { proveAll } from "../../../lib/engine/prove-all.ts";
import { readLog } from "../../../lib/engine/record-of.ts";
import { memoryAppendKeys } from "../../../lib/memory/append-keys.ts";
import { memoryStreams } from "../../../lib/memory/ledger.ts";
import { grow, key, settle } from "./handover.ts";
import { append, drain, forever, turnYear, type World, world } from "./world.ts";

type Files = Map<string, Uint8Array>;
const CREDENTIAL = { credential: "cred-2" };

/** Three years of a log; the incident is in the last two. */
const years = async (): Promise<World> => {
  const w = world();
  for (let n = 0; n < 20; n += 1) await append(w, `cred-${n % 4}`, n);
  await drain(w);
  for (const [i, year] of ["2027", "2028"].entries()) {
    turnYear(w, `${year}-01-02T00:00:00.000Z`);
    for (let n = 0; n < 8; n += 1) await append(w, `cred-${n % 4}`, 100 * (i + 1) + n);
    const told: LifecycleEvent = {
      id: `failed:${year}`,
      stream: `cred-${i}`,
      type: "containment.failed",
      at: w.clock.now(),
      actor: { kind: "service", principal: "x" },
      data: { incident: "inc-1", step: "revoke", error: "e" } as never,
    };
    const ports = { store: memoryStreams(w.table), keys: memoryAppendKeys(), clock: w.clock };
    await appendTo({ ...ports, random: (k) => new Uint8Array(k) })([told], forever);
    await drain(w);
  }
  return w;
};

const folderOf = async (w: World, of: ProofsOf["of"], by = w.by): Promise<Files> => {
  const files: Files = new Map();
  const shards = await openShards(w.read, by);
  await proveAll(shards, await readLog(shards), of, async (path, bytes) => {
    files.set(path, bytes);
  });
  return files;
};
const check = (files: Files, by = key(1)) => checkProofs(async (path) => files.get(path), by);
const changed = (files: Files, path: string, change: (text: string) => string): Files =>
  new Map(files).set(path, toBytes(change(toText(files.get(path) ?? expect.fail(path)))));

describe("a folder of proofs", () => {
  it("shows every event of a credential over all years, and holds none of another", async () => {
    const files = await folderOf(await years(), CREDENTIAL);
    const shown = await check(files);
    expect(shown).toEqual({
      of: CREDENTIAL,
      events: 9,
      streams: [{ stream: "cred-2", from: 1, to: 9 }],
      complaints: [],
    });
    expect(proofsLines(shown).at(-1)).toContain("none between the first and the last is missing");
    for (const bytes of files.values()) expect(toText(bytes)).not.toMatch(/cred-[013]"/);
  });

  it("shows every event of an incident, whosever stream it is in", async () => {
    const shown = await check(await folderOf(await years(), { incident: "inc-1" }));
    expect(shown).toMatchObject({ events: 2, complaints: [], streams: [{ stream: "cred-0" }, { stream: "cred-1" }] });
  });

  it("is not made of nothing", async () => {
    await expect(folderOf(await years(), { incident: "inc-9" })).rejects.toThrow(/no event of inc-9/);
  });

  it("is followed from an old key to the one that signs now, and from that one back to the first year", async () => {
    const w = world();
    await grow(w, 12);
    await settle(w, [1]);
    turnYear(w, "2027-02-01T00:00:00.000Z");
    for (const keys of [[1], [1, 2], [2]]) await settle(w, keys);
    await grow(w, 6);
    await settle(w, [2]);
    const files = await folderOf(w, CREDENTIAL, key(2));
    for (const trusted of [key(1), key(2)]) expect((await check(files, trusted)).complaints).toEqual([]);
    expect((await check(files, key(3))).complaints.length).toBeGreaterThan(0);
    const unlinked = changed(files, PROOFS, (text) => text.replace(/"links": \[[^\]]*\]/, '"links": []'));
    for (const trusted of [key(1), key(2)])
      expect((await check(unlinked, trusted)).complaints.join()).toMatch(/is not by .*, nor led to/);
  });

  type Spoil = readonly [string, (files: Files, proofs: readonly string[]) => Files, RegExp];
  const spoils: readonly Spoil[] = [
    [
      "an event left out",
      (files) => changed(files, PROOFS, (text) => text.replace(/"proofs\/000000000006[^,]*,/, "")),
      /number 2 of cred-2 is missing/,
    ],
    [
      "an entry altered in the list",
      (files) => changed(files, ENTRIES, (text) => text.replace("postgres", "nothing")),
      /line 1 of entries.ndjson/,
    ],
    ["a line too many in the list", (files) => changed(files, ENTRIES, (text) => `${text}{}\n`), /1 lines more/],
    [
      "another index",
      (files, [path = ""]) => changed(files, path, (text) => text.replace("index 2", "index 3")),
      /not in the log/,
    ],
    [
      "another credential's event",
      (files) => changed(files, PROOFS, (text) => text.replace('"credential": "cred-2"', '"credential": "cred-1"')),
      /is of something else/,
    ],
  ];
  it.each(spoils)("names %s", async (_, spoil, complaint) => {
    const files = await folderOf(await years(), CREDENTIAL);
    const proofs = [...files.keys()].filter((path) => path.endsWith(".tlog-proof"));
    expect((await check(spoil(files, proofs))).complaints.join("\n")).toMatch(complaint);
  });

  it("is refused where it is none, or a proof is gone", async () => {
    await expect(check(new Map())).rejects.toThrow(/proofs.json is missing/);
    await expect(check(new Map([[PROOFS, toBytes("{}")]]))).rejects.toThrow(/no list of proofs/);
    const files = await folderOf(await years(), CREDENTIAL);
    files.delete([...files.keys()].find((path) => path.endsWith(".tlog-proof")) ?? "");
    await expect(check(files)).rejects.toThrow(/is missing/);
  });

  it("is verified in a browser as well, which wants the key", async () => {
    const files = await folderOf(await years(), CREDENTIAL);
    const handed = {
      paths: [...files.keys()].map((path) => `handed/over/${path}`),
      read: async (path: string) => files.get(path.replace("handed/over/", "")),
    };
    const ask = { frameworks: [], ms: Date.parse };
    const vkey = (await import("../../../lib/core/ledger/note.ts")).formatVkey(key(1));
    expect(await examine(handed, vkey, ask)).toMatchObject({ good: true, isOwnKey: false });
    await expect(examine(handed, undefined, ask)).rejects.toThrow(/no key of its own/);
    const other = verifier(key(1).name, ed25519.getPublicKey(new Uint8Array(32).fill(77)));
    expect((await check(files, other)).complaints).not.toEqual([]);
  });
});
