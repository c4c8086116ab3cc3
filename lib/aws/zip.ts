import { Zip, ZipDeflate } from "fflate";
import type { Instant } from "../core/types.ts";

/**
 * A zip that files are added to one by one: nothing but what they were packed to is held. The same files in the same
 * order make the same bytes, since all carry the same time.
 */
export const zipOf = (at: Instant) => {
  const chunks: Uint8Array[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    chunks.push(chunk);
  });
  return {
    add(path: string, bytes: Uint8Array): void {
      const file = new ZipDeflate(path, { level: 6 });
      file.mtime = at;
      zip.add(file);
      file.push(bytes, true);
    },
    bytes(): Uint8Array {
      zip.end();
      return Buffer.concat(chunks);
    },
  };
};
