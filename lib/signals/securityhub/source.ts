import * as z from "zod/mini";
import { reading } from "../../core/types.ts";
import { Asff, ofAsff } from "./finding.ts";

const Event = z.lazy(() =>
  z.object({ detail: z.object({ findings: z.array(Asff()).check(z.minLength(1), z.maxLength(100)) }) }),
);

export default reading({
  event: Event,
  normalize: ({ detail }) => detail.findings.flatMap(ofAsff),
});
