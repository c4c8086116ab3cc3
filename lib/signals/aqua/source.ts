import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import { plain } from "../../core/signal.ts";
import { type Channel, type Instant, reading, type Signal } from "../../core/types.ts";
import { accountBy, idOf, typeOf } from "../shared/bound.ts";
import { digestIn, ofPod, podFacts, tokenSourceAt } from "../shared/kubernetes.ts";
import { severityOf } from "../shared/severity.ts";
import { momentOf } from "../shared/time.ts";
import { FIELDS, type Field, field } from "./fields.ts";

type Body = Readonly<Record<string, unknown>>;

const needs = (name: Field, check: (value: string) => boolean) =>
  z.refine<Body>(
    (body) => check(field(body, name) ?? ""),
    `has no ${name}: none of ${FIELDS[name].join(", ")}`.slice(0, 110),
  );

const Event = z.lazy(() =>
  z.record(z.string(), z.unknown()).check(
    needs("name", (value) => value !== ""),
    needs("at", (value) => momentOf(value) !== undefined),
  ),
);

/** Tracee's 0 to 4, or a word; a rule that fired without either is as medium. */
const LEVELS = ["info", "low", "medium", "high", "critical"];
const severityIn = (body: Body): number => {
  const given = field(body, "severity");
  return severityOf(LEVELS[Number(given)] ?? given) ?? 50;
};

const podIn = (body: Body, channel: Channel | undefined) => ({
  cluster: channel?.cluster,
  namespace: field(body, "namespace"),
  pod: field(body, "pod"),
  podUid: field(body, "podUid"),
  containerId: field(body, "container"),
  serviceAccount: field(body, "serviceAccount"),
});

/** The arguments of a detection that Postee passed on, where a file is among them. */
const pathIn = (body: Body): string | undefined =>
  /"(\/[^"\s]{1,250})"/.exec(JSON.stringify(body["Context"] ?? {}).slice(0, 20_000))?.[1];

const signal = (body: Body, channel: Channel | undefined): Signal => {
  const account = accountBy(channel);
  const pod = podIn(body, channel);
  const activityAt = momentOf(field(body, "at")) as Instant;
  const path = pathIn(body);
  const source = tokenSourceAt(path);
  return {
    id: idOf("aqua", account, field(body, "id"), field(body, "name"), pod.pod, pod.containerId, activityAt),
    source: "aqua",
    type: typeOf(
      "aqua",
      field(body, "signature")?.startsWith("TRC") ? (field(body, "signature") ?? "") : (field(body, "name") ?? ""),
    ),
    scenario: "compromised",
    severity: severityIn(body),
    activityAt,
    account,
    subjects: ofPod(pod),
    facts: factsOf({
      finding: field(body, "id"),
      channel: channel?.name,
      lastSeenAt: activityAt,
      ...podFacts(pod),
      image: field(body, "image"),
      imageDigest: digestIn(field(body, "imageDigest") ?? field(body, "image")),
      process: field(body, "process")?.split(" ")[0],
      node: field(body, "node"),
      userName: field(body, "user"),
      policies: [field(body, "signature"), field(body, "name")?.replaceAll(" ", "-")],
      tokenSource: source,
      secretPath: source && path,
    }),
    untrusted: plain([field(body, "name"), field(body, "text")].filter(Boolean).join(": ")),
  };
};

export default reading({
  event: Event,
  normalize: (body, channel) => [signal(body, channel)],
});
