import { defineSource } from "../core/types.ts";
import { KINDS } from "./tetragon/kinds.ts";

export default defineSource({
  name: "tetragon",
  title: "Tetragon: processes and what tracing policies matched",
  shape: [KINDS, "time"],
  load: async () => (await import("./tetragon/source.ts")).default,
});
