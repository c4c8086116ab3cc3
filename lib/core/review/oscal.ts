import { v5 } from "uuid";
import type { Assessed, Checked, Control, Framework } from "./control.ts";
import type { AsOf } from "./entry.ts";
import { reachLine } from "./entry.ts";
import { bounded, checkText, controlId, objectiveId, stateOf } from "./oscal-terms.ts";

/** What tools of today take; 1.2.2 and 1.2.3 changed nothing that is written here. */
const OSCAL_VERSION = "1.2.1";
/** Of names that OSCAL does not define. */
const NS = "urn:rekey:evidence";
/** UUIDs of version 5 come of what they stand for: the same pack has the same ones. */
const NAMESPACE = v5(NS, v5.URL);

/** The files of a pack that results lead to: the rows of a control's check, by path, and the digest of `controls.json`. */
export type PackFiles = { readonly csvOf: (control: Control, at: number) => string; readonly controlsDigest: string };

const prop = (name: string, value: string | number) => ({ name, ns: NS, value: String(value) });
const props = (named: Readonly<Record<string, string | number>>) =>
  Object.entries(named).flatMap(([name, value]) => (value === "" ? [] : [prop(name, value)]));

/** Of OSCAL's own names: the id as the framework writes it. */
const label = ({ id }: Control) => ({ name: "label", value: id });

type Pack = { readonly framework: Framework; readonly asOf: AsOf; readonly files: PackFiles };

const keyed = ({ framework, asOf }: Pack) => {
  const base = [asOf.origin, asOf.size, asOf.root, asOf.at, framework.id, framework.version];
  return (...of: readonly (string | number)[]): string => v5(JSON.stringify([...base, ...of]), NAMESPACE);
};

const observation = (pack: Pack, { control }: Assessed, checked: Checked, at: number) => {
  const { answer, check, verdict } = checked;
  const { asOf, files } = pack;
  const uuid = keyed(pack);
  const evidence = [
    { href: files.csvOf(control, at), description: `The ${answer.rows.length} rows of the answer.` },
    { href: "ledger/checkpoint", description: "The signed head of the log that the answer was computed from." },
  ];
  return {
    uuid: uuid("observation", control.id, at),
    title: `${answer.query}: ${answer.title}`,
    description: answer.basis,
    props: props({
      query: answer.query,
      ...Object.fromEntries(Object.entries(answer.params).map(([name, value]) => [`param-${name}`, value])),
      verdict,
      rows: answer.rows.length,
      "ledger-size": asOf.size,
      "ledger-root": asOf.root,
    }),
    methods: ["EXAMINE"],
    ...(bounded(check) && { types: ["control-objective"] }),
    origins: [{ actors: [{ type: "tool", "actor-uuid": uuid("component") }] }],
    "relevant-evidence": evidence,
    collected: asOf.at,
  };
};

const finding = (pack: Pack, assessed: Assessed) => {
  const state = stateOf(assessed);
  if (state === undefined) return [];
  const { control, checked } = assessed;
  const uuid = keyed(pack);
  return [
    {
      uuid: uuid("finding", control.id),
      title: `${control.id} ${control.title}`,
      description: "What Rekey's record says of the objective below. It is no statement that the control is fulfilled.",
      props: [label(control)],
      target: {
        type: "objective-id",
        "target-id": objectiveId(control.id),
        status: { state, reason: state === "satisfied" ? "pass" : "fail" },
      },
      "related-observations": checked.flatMap(({ check }, at) =>
        bounded(check) ? [{ "observation-uuid": uuid("observation", control.id, at) }] : [],
      ),
    },
  ];
};

const objective = ({ control, checked }: Assessed) => ({
  "control-id": controlId(control.id),
  description: `What Rekey's record can say of ${control.id} ${control.title}, and nothing beyond it.`,
  props: [label(control)],
  parts: [
    {
      id: objectiveId(control.id),
      name: "assessment-objective",
      prose: checked
        .filter(({ check }) => bounded(check))
        .map(checkText)
        .join("; "),
    },
  ],
});

const hasBound = ({ checked }: Assessed): boolean => checked.some(({ check }) => bounded(check));

const reviewed = (asked: readonly Assessed[], others: readonly Assessed[]) => {
  const ids = (some: readonly Assessed[]) => some.map(({ control }) => ({ "control-id": controlId(control.id) }));
  const objectives = asked.filter(hasBound).map(({ control }) => ({ "objective-id": objectiveId(control.id) }));
  return {
    "control-selections": [
      {
        description: "What the record was asked about. What it cannot tell of is excluded.",
        "include-controls": ids(asked),
        ...(others.length > 0 && { "exclude-controls": ids(others) }),
      },
    ],
    ...(objectives.length > 0 && { "control-objective-selections": [{ "include-objectives": objectives }] }),
  };
};

const component = (uuid: string) => ({
  uuid,
  type: "software",
  title: "Rekey",
  description: "Rotates and revokes workload credentials, and keeps the ledger that was examined.",
  status: { state: "operational" },
});

const result = (pack: Pack, asked: readonly Assessed[], others: readonly Assessed[]) => {
  const { framework, asOf } = pack;
  const uuid = keyed(pack);
  const findings = asked.flatMap((one) => finding(pack, one));
  return {
    uuid: uuid("result"),
    title: `${framework.name} ${framework.version}`,
    description: `Asked as of ${asOf.at}, of ${reachLine(asOf)}.`,
    start: asOf.at,
    end: asOf.at,
    props: props({ "ledger-origin": asOf.origin, "ledger-size": asOf.size, "ledger-root": asOf.root }),
    "local-definitions": { components: [component(uuid("component"))] },
    "reviewed-controls": reviewed(asked, others),
    observations: asked.flatMap((one) => one.checked.map((checked, at) => observation(pack, one, checked, at))),
    ...(findings.length > 0 && { findings }),
  };
};

/**
 * OSCAL assessment results (pages.nist.gov/OSCAL, JSON) for one framework; undefined where nothing was asked, or of an
 * empty log. There is no assessment plan of OSCAL: the checks in `controls.json` stand for it, and Rekey's objectives.
 */
export const toOscal = (assessed: readonly Assessed[], pack: Pack): object | undefined => {
  const asked = assessed.filter(({ checked }) => checked.length > 0);
  if (asked.length === 0 || pack.asOf.at === "") return undefined;
  const { framework, asOf, files } = pack;
  const uuid = keyed(pack);
  const objectives = asked.filter(hasBound).map(objective);
  const plan = {
    uuid: uuid("plan"),
    title: "The checks that were asked, with their bounds",
    rlinks: [
      {
        href: "controls.json",
        "media-type": "application/json",
        hashes: [{ algorithm: "SHA-256", value: files.controlsDigest }],
      },
    ],
  };
  return {
    "assessment-results": {
      uuid: uuid("results", ...asked.map(({ control }) => control.id)),
      metadata: {
        title: `Evidence of Rekey: ${framework.name} ${framework.version}`,
        "last-modified": asOf.at,
        version: String(asOf.size),
        "oscal-version": OSCAL_VERSION,
      },
      "import-ap": { href: `#${plan.uuid}` },
      ...(objectives.length > 0 && { "local-definitions": { "objectives-and-methods": objectives } }),
      results: [
        result(
          pack,
          asked,
          assessed.filter(({ checked }) => checked.length === 0),
        ),
      ],
      "back-matter": { resources: [plan] },
    },
  };
};
