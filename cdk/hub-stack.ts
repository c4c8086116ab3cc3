import { CfnOutput, Duration, Stack, type StackProps } from "aws-cdk-lib";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import type { Key } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import type { Settled } from "./config.ts";
import { Alarms } from "./constructs/alarms.ts";
import { Analytics } from "./constructs/analytics.ts";
import { ApiFunction } from "./constructs/api.ts";
import { appendKey } from "./constructs/append-key.ts";
import { wakeForProposals } from "./constructs/approvals.ts";
import { Archive } from "./constructs/archive.ts";
import { ClockFunction } from "./constructs/clock.ts";
import { deciding } from "./constructs/deciding.ts";
import { DiscoverFunction } from "./constructs/discover.ts";
import { DrillFunction } from "./constructs/drill.ts";
import { EvidenceFunction } from "./constructs/evidence.ts";
import type { RekeyFunction } from "./constructs/function.ts";
import { IngestFunction } from "./constructs/ingest.ts";
import { NotifyFunction } from "./constructs/notify.ts";
import { OrganizationFunction } from "./constructs/organization.ts";
import { ProjectFunction } from "./constructs/project.ts";
import { Queues } from "./constructs/queues.ts";
import { RefreshFunction } from "./constructs/refresh.ts";
import { RespondFunction } from "./constructs/respond.ts";
import { SealFunction } from "./constructs/seal.ts";
import { signingKeys } from "./constructs/signing-keys.ts";
import { ledgerTable, reviewTable, stateTable } from "./constructs/stores.ts";
import { TransmitFunction } from "./constructs/transmit.ts";
import { WatchFunction } from "./constructs/watch.ts";
import { isSame, type Naming, naming, type Place, placeOf, type Spoke, spokesOf } from "./naming.ts";

/** What the hub's functions are built from. */
export type Hub = {
  readonly config: Settled;
  readonly naming: Naming;
  readonly place: Place;
  readonly spokes: readonly Spoke[];
  readonly ledger: Table;
  readonly state: Table;
  readonly review: Table;
  readonly queues: Queues;
  readonly archive: Archive;
  /** The log's key, and the one that takes over where there is one. */
  readonly signingKeys: readonly Key[];
  readonly appendKey: Key;
};

/** Longest answer to a batch of signals. An incident is leased for this long and 5 s. */
const RESPOND_TIMEOUT = Duration.minutes(2);

const lambdasOf = (functions: Readonly<Record<string, RekeyFunction | undefined>>) =>
  Object.fromEntries(Object.entries(functions).flatMap(([name, one]) => (one ? [[name, one.lambda]] : [])));

type HubProps = StackProps & { readonly config: Settled };

/** One per region: the ledger, the state, and the functions that answer signals, seal and keep the inventory. */
export class HubStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: HubProps) {
    super(scope, id, { description: "Rekey: ledger, state and response", ...props });
    const own = naming(config.prefix);
    const place = placeOf(this);
    const spokes = spokesOf(config, place);
    const strangers = spokes.filter((spoke) => !isSame(spoke.place, place));
    const hub: Hub = {
      config,
      naming: own,
      place,
      spokes,
      ledger: ledgerTable(this, config, own, strangers),
      state: stateTable(this, config, own, strangers),
      review: reviewTable(this, config, own),
      queues: new Queues(this, "Queues", { config, naming: own, place, spokes, respondTimeout: RESPOND_TIMEOUT }),
      archive: new Archive(this, "Archive", { config, naming: own, place }),
      signingKeys: signingKeys(this, { config, naming: own, place }),
      appendKey: appendKey(this, { config, naming: own, place, spokes }),
    };
    this.addFunctions(hub);
    if (config.analytics) new Analytics(this, "Analytics", { hub });
    for (const [name, value] of Object.entries({
      ArchiveBucket: hub.archive.archive.bucketName,
      WorkBucket: hub.archive.work.bucketName,
    })) {
      new CfnOutput(this, name, { value });
    }
  }

  private addFunctions(hub: Hub) {
    const { config, queues } = hub;
    const respond = new RespondFunction(this, "Respond", {
      hub,
      timeout: RESPOND_TIMEOUT,
      files: deciding(this, config),
    });
    wakeForProposals(respond, hub);
    const seal = new SealFunction(this, "Seal", { hub });
    const discover = new DiscoverFunction(this, "Discover", { hub });
    const clock = new ClockFunction(this, "Clock", { hub });
    const project = new ProjectFunction(this, "Project", { hub });
    const watch = new WatchFunction(this, "Watch", { hub });
    const optional = this.addOptional(hub);
    const { refresh, transmit, notify, drill } = optional;
    new Alarms(this, "Alarms", {
      prefix: config.prefix,
      topicArn: config.alarmTopicArn,
      empty: {
        "Signals that were not answered: unknown, malformed, or failed twenty times. `rekey status` shows them.":
          queues.rejected,
        ...(notify && { "Messages that a notifier refused, or did not take in a day.": notify.lost }),
        ...(transmit && { "Tokens that a receiver refused, or did not take in a day.": transmit.lost }),
        "Events that the ledger did not take wait here and are appended by seal.": queues.spool,
      },
      functions: {
        respond: respond.lambda,
        seal: seal.lambda,
        discover: discover.lambda,
        clock: clock.lambda,
        project: project.lambda,
        watch: watch.lambda,
        ...lambdasOf(optional),
      },
      told: { "rotations-overdue": clock.overdue, "versions-undead": clock.undead, ...seal.told },
      happened: {
        ...seal.happened,
        ...watch.happened,
        ...(refresh && { "refreshes-stalled": refresh.stalled }),
        ...(drill && { "drills-failed": drill.failed }),
      },
    });
  }

  /** Only where the config asks for them. */
  private addOptional(hub: Hub) {
    const { channels, consumers, transmit, notify, drill } = hub.config;
    const ingest = channels.length > 0 ? new IngestFunction(this, "Ingest", { hub }) : undefined;
    if (ingest) new CfnOutput(this, "ChannelsUrl", { value: ingest.url });
    return {
      ingest,
      refresh: Object.keys(consumers).length > 0 ? new RefreshFunction(this, "Refresh", { hub }) : undefined,
      transmit: transmit ? new TransmitFunction(this, "Transmit", { hub, transmit }) : undefined,
      notify: notify.length > 0 ? new NotifyFunction(this, "Notify", { hub, notify }) : undefined,
      organization: this.addOrganization(hub),
      ...this.addApi(hub),
      drill: drill ? new DrillFunction(this, "Drill", { hub, drill }) : undefined,
    };
  }

  private addOrganization(hub: Hub) {
    const { quarantine } = hub.config;
    const { policyArn } = quarantine?.organization ?? {};
    return quarantine && policyArn
      ? new OrganizationFunction(this, "Organization", { hub, quarantine, policyArn })
      : undefined;
  }

  /** Packs are made where there is somebody who may take one. */
  private addApi(hub: Hub) {
    const { api: config } = hub.config;
    if (!config) return {};
    const evidence = config.roles.reviewer ? new EvidenceFunction(this, "Evidence", { hub }) : undefined;
    const api = new ApiFunction(this, "Api", { hub, api: config, packsArn: evidence?.packsArn });
    new CfnOutput(this, "ApiUrl", { value: api.url });
    return { api, evidence };
  }
}
