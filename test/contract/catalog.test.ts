import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { actions, refreshers, rotators, ruled, sources } from "../../lib/catalog.ts";
import { Command } from "../../lib/core/commands.ts";
import { isIdentifier } from "../../lib/core/identifier.ts";
import { IsolateCommand } from "../../lib/core/isolate.ts";
import { QuarantineCommand } from "../../lib/core/quarantine-commands.ts";
import { loaded, parseSignals, readSignals } from "../../lib/core/signal.ts";
import type { Grant, Rotator, SignalSource } from "../../lib/core/types.ts";
import { customExample, generated, stale } from "../../scripts/reference.ts";
import { CHANNEL, goldens } from "./source.ts";

const ready = await Promise.all(sources.map(loaded));
const root = join(import.meta.dirname, "../..");
const page = (path: string) => readFileSync(join(root, path), "utf8");
const unique = (names: readonly string[]) => expect(new Set(names).size).toBe(names.length);

/** AWS takes no narrower resource for these; a condition has to narrow them. */
const NAMELESS = ["kms:CreateKey"];

const expectNarrow = (grants: readonly Grant[]) => {
  for (const { actions: asked, resources, conditions } of grants) {
    if (conditions && asked.every((action) => NAMELESS.includes(action))) continue;
    expect(asked.filter((action) => !/^[a-z0-9-]+:[A-Za-z]+$/.test(action))).toEqual([]);
    expect(resources).not.toContain("*");
  }
};

/** Plugins are files of their folder; a folder of the same name holds their parts. */
const plugins = (folder: string) =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.replace(/\.ts$/, ""));

describe.each(rotators satisfies readonly Rotator[])("rotator $kind", (rotator: Rotator) => {
  it("has a contract test", () => {
    const test = `test/rotators/${rotator.kind}.test.ts`;
    expect(existsSync(join(root, test)), `${test} is missing`).toBe(true);
    expect(page(test)).toContain("rotatorContract(");
  });
  it("has a row in the reference", () => {
    expect(page("docs/reference/rotators.md")).toContain(`| [\`${rotator.kind}\`](#${rotator.kind}) |`);
  });
  it("has an example that passes its own schemas", () => {
    expect(rotator.target.safeParse(rotator.example.tags).success).toBe(true);
    expect(rotator.material.safeParse(rotator.example.material).success).toBe(true);
  });
  it("goes by names that a signal may use", () => {
    const { tags, material } = rotator.example;
    const [target, parsed] = [rotator.target.safeParse(tags).data, rotator.material.safeParse(material).data];
    const names = rotator.identifiers(target, parsed, "111122223333");
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !isIdentifier(name))).toEqual([]);
  });
  it("asks for named actions on named resources", () => {
    expectNarrow(rotator.grants);
  });
});

describe.each(sources satisfies readonly SignalSource[])("source $name", (source: SignalSource) => {
  it("has a contract test with goldens", () => {
    expect(page(`test/signals/${source.name}.test.ts`)).toContain("sourceContract(");
    expect(existsSync(join(root, `test/signals/${source.name}`))).toBe(true);
  });
  it("has a row in the reference", () => {
    expect(page("docs/reference/signals.md")).toContain(`| \`${source.name}\` |`);
  });
  it("is known by a pattern of EventBridge's or by a shape, never by both", () => {
    const { pattern, shape } = source;
    expect([pattern, shape].filter(Boolean)).toHaveLength(1);
    if (pattern) expect(pattern.source.length * pattern["detail-type"].length).toBeGreaterThan(0);
  });
  it("alone takes each of its golden events, and is then loaded", async () => {
    const channel = source.pattern ? undefined : CHANNEL;
    for (const { name, event } of goldens(join(root, `test/signals/${source.name}`))) {
      const alone = parseSignals(
        ready.filter((one) => one.name === source.name),
        event,
        channel,
      );
      const others = ready.filter((other) => other.name !== source.name);
      const told = others.filter((other) => "signals" in parseSignals([other], event, channel)).map((one) => one.name);
      // Held to be its own by the whole catalog, and by no other source of it.
      if ("signals" in alone) expect({ name, told }).toEqual({ name, told: [] });
      if ("signals" in alone) expect(parseSignals(ready, event, channel)).toEqual(alone);
      expect(await readSignals(sources, event, channel)).toEqual(parseSignals(ready, event, channel));
    }
  });
});

describe("the sources", () => {
  it("are loaded only for an event of their own form", async () => {
    const asked: string[] = [];
    const counting = sources.map((source: SignalSource) => ({
      ...source,
      load: () => {
        asked.push(source.name);
        return source.load();
      },
    }));
    for (const name of ["guardduty", "falco"]) {
      const [golden] = goldens(join(root, `test/signals/${name}`));
      await readSignals(counting, golden?.event, name === "falco" ? CHANNEL : undefined);
      expect(asked.splice(0)).toEqual([name]);
    }
    await readSignals(counting, { source: "nobody", "detail-type": "Nothing" });
    expect(asked).toEqual([]);
  });
});

describe.each(actions)("action $name", (action) => {
  it("is carried out by a command", () => {
    const knows = (verb: string) =>
      [Command, QuarantineCommand, IsolateCommand].some(
        (commands) => !commands.safeParse({ verb }).error?.issues.some(({ path }) => path[0] === "verb"),
      );
    const refuses = (verb: string) => !knows(verb);
    expect(refuses("no such verb")).toBe(true);
    expect(refuses(action.verb)).toBe(false);
  });
  it("asks for named actions on named resources", () => {
    expectNarrow(action.grants);
  });
});

describe("catalog", () => {
  it("names everything once", () => {
    unique(rotators.map(({ kind }) => kind));
    unique(sources.map(({ name }) => name));
    unique(actions.map(({ name }) => name));
    unique(refreshers.map(({ kind }) => kind));
  });
  it("holds every plugin that there is a file of", () => {
    expect(plugins("lib/rotators")).toEqual(rotators.map(({ kind }) => kind).sort());
    expect(plugins("lib/refreshers")).toEqual(refreshers.map(({ kind }) => kind).sort());
    expect(plugins("lib/actions")).toEqual(actions.map(({ name }) => name).sort());
    expect(plugins("lib/signals").sort()).toEqual(sources.map(({ name }) => name).sort());
  });
  it("has no two sources that take the same event", () => {
    const events = ruled({ secretReads: true }).flatMap(({ pattern }) =>
      pattern.source.flatMap((source) => pattern["detail-type"].map((type) => `${source} / ${type}`)),
    );
    unique(events);
  });
});

describe("reference", () => {
  it("is what the catalog says (else run `node scripts/reference.ts`)", async () => {
    expect(await stale()).toEqual([]);
  });
  it("shows a custom signal that is accepted", () => {
    const event = {
      source: "rekey.signal",
      "detail-type": "Rekey Signal",
      account: "111122223333",
      detail: customExample,
    };
    expect(parseSignals(ready, event)).toMatchObject({ signals: [{ source: "custom", severity: 90 }] });
  });
  it("publishes schemas that are closed to unknown keys", () => {
    for (const path of ["docs/reference/custom-signal.schema.json", "playbooks/playbook.schema.json"]) {
      expect(JSON.parse(generated()[path] ?? "")).toMatchObject({ additionalProperties: false });
    }
  });
});
