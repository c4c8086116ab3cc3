import { execFile } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { promisify } from "node:util";
import { binariesFor, unprivileged } from "../local/postgres-files.ts";

const execute = promisify(execFile);
const GIB = 2 ** 30;

/** What the figures were measured on, for their readers: times of two machines cannot be compared, ratios can. */
export const machine = async () => {
  const { postgres } = await binariesFor(undefined, await unprivileged());
  const { stdout } = await execute(postgres, ["--version"]);
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? "unknown",
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / GIB),
    node: process.version,
    postgres: stdout.trim(),
    platform: `${process.platform} ${process.arch}`,
  };
};
export type Machine = Awaited<ReturnType<typeof machine>>;

/** One line for people. */
export const inWords = ({ cpu, cores, memoryGiB, node, postgres, platform }: Machine): string =>
  `${cores} cores (${cpu}), ${memoryGiB} GiB, ${platform}, Node ${node}, ${postgres}`;
