import { CfnNamedQuery } from "aws-cdk-lib/aws-athena";
import { CfnDatabase, CfnTable } from "aws-cdk-lib/aws-glue";
import { Construct } from "constructs";
import { namedQueries } from "../../lib/catalog.ts";
import type { Hub } from "../hub-stack.ts";
import { CompactFunction } from "./compact.ts";

const DAY_ZERO = "2026-01-01";

type Format = {
  readonly table: string;
  readonly description: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly inputFormat: string;
  readonly outputFormat: string;
  readonly library: string;
  readonly parameters: Readonly<Record<string, string>>;
};

const LINES: Format = {
  table: "rekey_events",
  description: "One JSON text a row: an entry of the ledger, with its index",
  columns: { line: "string" },
  inputFormat: "org.apache.hadoop.mapred.TextInputFormat",
  outputFormat: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
  library: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
  // A character that JSON never holds as it is: each line stays one column, however it is punctuated.
  parameters: { "field.delim": "\u0001" },
};

/** The days that are over, as functions/compact.ts writes them; classes as docs.aws.amazon.com/athena, parquet-serde. */
const PARQUET: Format = {
  table: "rekey_events_parquet",
  description: "The ledger's entries of the days that are over, by column; data is JSON text",
  columns: {
    idx: "bigint",
    id: "string",
    stream: "string",
    type: "string",
    happened: "string",
    ms: "bigint",
    seq: "bigint",
    receivedat: "string",
    actorkind: "string",
    actor: "string",
    reason: "string",
    data: "string",
  },
  inputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
  outputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
  library: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
  parameters: {},
};

type TableProps = Format & { readonly hub: Hub; readonly database: string; readonly files: string };

/** A table over `dt=<day>/` folders, found without a crawler (docs.aws.amazon.com/athena, partition projection). */
const tableOf = (scope: Construct, id: string, { hub, database, files, table, ...format }: TableProps): CfnTable =>
  new CfnTable(scope, id, {
    catalogId: hub.place.account,
    databaseName: database,
    tableInput: {
      name: table,
      description: format.description,
      tableType: "EXTERNAL_TABLE",
      partitionKeys: [{ name: "dt", type: "string" }],
      parameters: {
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": `${DAY_ZERO},NOW`,
        "projection.dt.interval": "1",
        "projection.dt.interval.unit": "DAYS",
        "storage.location.template": `${files}dt=\${dt}/`,
      },
      storageDescriptor: {
        location: files,
        columns: Object.entries(format.columns).map(([name, type]) => ({ name, type })),
        inputFormat: format.inputFormat,
        outputFormat: format.outputFormat,
        serdeInfo: { serializationLibrary: format.library, parameters: format.parameters },
      },
    },
  });

/**
 * The archive's event files as one table in Athena, the same by column for the days that are over, and the queries of
 * reviewers by name. Files are found by the day of their commit; who may ask is the account's matter.
 */
export class Analytics extends Construct {
  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    super(scope, id);
    const { config, naming, place } = hub;
    // Glue takes lower-case letters, digits and underscores.
    const database = `${config.prefix.replaceAll("-", "_")}_ledger`;
    const parquet = naming.parquetBucket(place.account, place.region);
    const files = `s3://${naming.archiveBucket(place.account, place.region)}/events/`;
    const catalog = new CfnDatabase(this, "Database", {
      catalogId: place.account,
      databaseInput: { name: database, description: "Rekey: the sealed ledger's event files" },
    });
    const table = tableOf(this, "Events", { hub, database, files, ...LINES });
    const compacted = tableOf(this, "Compacted", { hub, database, files: `s3://${parquet}/parquet/`, ...PARQUET });
    for (const each of [table, compacted]) each.addResourceDependency(catalog);
    new CompactFunction(this, "Compact", { hub });
    for (const { name, description, sql } of namedQueries("rekey_events")) {
      const query = new CfnNamedQuery(this, name.split(" ")[0] ?? name, {
        database,
        name: `${config.prefix} ${name}`.slice(0, 128),
        description: description.slice(0, 1024),
        queryString: sql,
      });
      query.addResourceDependency(table);
    }
  }
}
