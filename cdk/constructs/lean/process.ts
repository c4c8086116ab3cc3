const { process } = globalThis;
/** What the SDK's user agent imports of `node:process`, whose module form reads every property there is. */
export const { env, versions } = process;
export default process;
