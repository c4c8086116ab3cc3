/** The one function of `node:zlib` that the SDK's checksums name: the module itself is loaded when it is called. */
export const crc32 = (data: string | NodeJS.ArrayBufferView, seed?: number): number =>
  process.getBuiltinModule("node:zlib").crc32(data, seed);
