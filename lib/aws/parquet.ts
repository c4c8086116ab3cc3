import { parquetWriteBuffer } from "hyparquet-writer";
import type { ColumnData } from "../core/review/columns.ts";

/** Rows of one group: a reader skips those whose bounds of stream, index or time lie elsewhere. */
const GROUP = 20_000;

/** A Parquet file (Snappy) of these columns, which have one length. Only `reason` may be null. */
export const writeParquet = (columns: readonly ColumnData[]): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: columns.map(({ name, type, data }) => ({ name, type, data: [...data], nullable: name === "reason" })),
      rowGroupSize: GROUP,
      // By default bounds are cut after 16 bytes: all ARNs would look alike.
      statisticsTruncateLength: Number.POSITIVE_INFINITY,
    }),
  );
