import { createHmac } from "node:crypto";
import type { NotifierVerbs } from "../../core/notifier.ts";
import type { Deps, Instant } from "../../core/types.ts";
import { posted } from "../shared/post.ts";
import { secretText } from "../shared/secret-text.ts";

const EPOCH = "1970-01-01T00:00:00.000Z" as Instant;

export const verbs = ({ aws, clock }: Pick<Deps, "aws" | "clock">, url: string, name: string): NotifierVerbs => ({
  async tell(telling, signal) {
    const key = await secretText(aws, name);
    const body = JSON.stringify(telling);
    const timestamp = String(Math.floor(clock.between(EPOCH, clock.now()) / 1_000));
    const mac = createHmac("sha256", key.reveal()).update(`${timestamp}.${body}`).digest("hex");
    return posted(url, { "X-Rekey-Timestamp": timestamp, "X-Rekey-Signature": `v1=${mac}` }, body, signal);
  },
});
