/** github.com/cilium/tetragon, api/v1/tetragon/events.proto: the members of GetEventsResponse that tell of a process. */
export const KINDS = [
  "process_kprobe",
  "process_tracepoint",
  "process_uprobe",
  "process_lsm",
  "process_usdt",
  "process_exec",
  "process_exit",
  "process_loader",
  "process_throttle",
] as const;
