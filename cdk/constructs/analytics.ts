import { CfnNamedQuery } from "aws-cdk-lib/aws-athena";
import { CfnDatabase, CfnTable } from "aws-cdk-lib/aws-glue";
import { Construct } from "constructs";
import { namedQueries } from "../../lib/catalog.ts";
import type { Hub } from "../hub-stack.ts";

const DAY_ZERO = "2026-01-01";
const COLUMN = "line";

/**
 * The archive's event files as one table in Athena, and the queries of reviewers by name. The files are found by the day of
 * their commit, without a crawler (docs.aws.amazon.com/athena, partition projection); who may ask is the account's matter.
 */
export class Analytics extends Construct {
  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    super(scope, id);
    const { config, naming, place } = hub;
    // Glue takes lower-case letters, digits and underscores.
    const database = `${config.prefix.replaceAll("-", "_")}_ledger`;
    const files = `s3://${naming.archiveBucket(place.account, place.region)}/events/`;
    const catalog = new CfnDatabase(this, "Database", {
      catalogId: place.account,
      databaseInput: { name: database, description: "Rekey: the sealed ledger's event files" },
    });
    const table = new CfnTable(this, "Events", {
      catalogId: place.account,
      databaseName: database,
      tableInput: {
        name: "rekey_events",
        description: "One JSON text a row: an entry of the ledger, with its index",
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
          columns: [{ name: COLUMN, type: "string" }],
          inputFormat: "org.apache.hadoop.mapred.TextInputFormat",
          outputFormat: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
          serdeInfo: {
            serializationLibrary: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
            // A character that JSON never holds as it is: each line stays one column, however it is punctuated.
            parameters: { "field.delim": "\u0001" },
          },
        },
      },
    });
    table.addResourceDependency(catalog);
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
