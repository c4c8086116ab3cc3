import { once } from "node:events";
import { connect } from "node:net";
import { realClock } from "./clock.ts";

const ANSWER_MS = 1_000;

/** A bare connection that sends what it is told, byte for byte, and shows what came: `closed` when it was ended. */
export const wire = async (port: number) => {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  let seen = "";
  let isClosed = false;
  socket.on("data", (chunk: Buffer) => {
    seen += chunk.toString();
  });
  socket.on("close", () => {
    isClosed = true;
  });
  socket.on("error", () => undefined);
  const answer = async (): Promise<string> => {
    for (const since = performance.now(); performance.now() - since < ANSWER_MS; await realClock.sleep(2)) {
      if (seen !== "") break;
      if (isClosed) return "closed";
    }
    const text = seen;
    seen = "";
    return text === "" ? "silence" : text.trim();
  };
  return {
    send: (text: string) => void socket.write(text),
    answer,
    /** Sends one inline command and resolves to what was answered. */
    ask: async (line: string): Promise<string> => {
      socket.write(`${line}\r\n`);
      return answer();
    },
    isClosed: () => isClosed,
    drop: () => void socket.destroy(),
  };
};
export type Wire = Awaited<ReturnType<typeof wire>>;
