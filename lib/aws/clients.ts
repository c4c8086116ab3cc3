import type { Aws } from "../core/types.ts";

// A call that hangs must not eat a containment's time: three tries of at most 2 + 5 s.
const CONNECT_MS = 2_000;
const REQUEST_MS = 5_000;
const ATTEMPTS = 3;

const settings = () => ({
  maxAttempts: ATTEMPTS,
  requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: REQUEST_MS, throwOnRequestTimeout: true },
  // Only S3 knows it: an endpoint on loopback has no name per bucket.
  ...(process.env["AWS_ENDPOINT_URL"] ? { forcePathStyle: true } : {}),
});

/** Makes each SDK client once per configuration, with time-outs; region, endpoint and credentials come from the AWS chain. */
export const makeAws = (defaults: object = {}): Aws => {
  const made = new Map<unknown, Map<string, unknown>>();
  return <C>(Client: new (config: object) => C, config: object = {}): C => {
    // A client with credentials of its own is one probe's: kept, it would keep the material too.
    if ("credentials" in config) return new Client({ ...settings(), ...defaults, ...config });
    const ofClass = made.get(Client) ?? new Map<string, unknown>();
    made.set(Client, ofClass);
    const key = JSON.stringify(config);
    const known = ofClass.get(key) as C | undefined;
    if (known !== undefined) return known;
    const fresh = new Client({ ...settings(), ...defaults, ...config });
    ofClass.set(key, fresh);
    return fresh;
  };
};
