import { frameworks } from "../lib/catalog/controls.ts";
import { examine, type Opinion } from "../lib/engine/examine.ts";

export type Task = { readonly files: readonly (readonly [path: string, file: File])[]; readonly vkey: string };
export type Told = { readonly read: number } | Opinion | { readonly problem: string };

/** Longest without a word of progress, in ms. */
const TELL_MS = 100;

const opinionOf = ({ files, vkey }: Task, tell: (told: Told) => void): Promise<Opinion> => {
  const byPath = new Map(files);
  let read = 0;
  let toldAt = 0;
  return examine(
    {
      paths: [...byPath.keys()],
      read: async (path) => {
        const bytes = await byPath.get(path)?.arrayBuffer();
        read += 1;
        if (performance.now() - toldAt > TELL_MS) {
          toldAt = performance.now();
          tell({ read });
        }
        return bytes && new Uint8Array(bytes);
      },
    },
    vkey === "" ? undefined : vkey,
    { frameworks, ms: Date.parse },
  );
};

/** The worker's side: one task, then its outcome. Hashing there leaves the page free to answer. */
export const startWork = (): void => {
  addEventListener("message", async ({ data }: MessageEvent<Task>) => {
    const tell = (told: Told) => postMessage(told);
    tell(
      await opinionOf(data, tell).catch((error: unknown) => ({
        problem: error instanceof Error ? error.message : String(error),
      })),
    );
  });
};
