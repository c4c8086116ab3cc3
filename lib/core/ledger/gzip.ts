import type { Packer } from "./ports.ts";

const through = async (bytes: Uint8Array, transform: CompressionStream | DecompressionStream): Promise<Uint8Array> => {
  const whole = new Response(new Blob([Uint8Array.from(bytes)]).stream().pipeThrough(transform));
  return new Uint8Array(await whole.arrayBuffer());
};

/** gzip by the platform's own streams, in browsers too. */
export const gzip: Packer = {
  pack: (bytes) => through(bytes, new CompressionStream("gzip")),
  unpack: (bytes) => through(bytes, new DecompressionStream("gzip")),
};
