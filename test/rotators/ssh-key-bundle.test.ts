import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { bundleOptions } from "../../cdk/constructs/bundle.ts";
import { Unusable } from "../../lib/core/errors.ts";
import { secret } from "../../lib/core/secret.ts";
import type { connect } from "../../lib/rotators/ssh-key/verbs.ts";
import { arrangeKey } from "../support/ssh.ts";
import { newPair, sshSuite, startSshd } from "../support/ssh-server.ts";

sshSuite("ssh-key as it is deployed", () => {
  // The library has native parts and files of CommonJS: what runs from node_modules may not run from a bundle.
  it("logs in from the bundle of the rotate function, where there is no node_modules", {
    timeout: 300_000,
  }, async () => {
    const dir = await mkdtemp(join(tmpdir(), "rekey-bundle-"));
    const server = await startSshd(5871);
    try {
      const entryPoints = { verbs: join(import.meta.dirname, "../../lib/rotators/ssh-key/verbs.ts") };
      await build({ ...bundleOptions("rotate", dir), entryPoints });
      const bundled: { readonly connect: typeof connect } = await import(join(dir, "verbs.mjs"));
      const { deps, target, current } = await arrangeKey(server);
      const verbs = bundled.connect(deps);
      const at = { target, signal: AbortSignal.timeout(20_000) };
      await verbs.verify({ ...at, material: current });
      const next = await verbs.issue({ ...at, current, previous: undefined });
      await verbs.install({ ...at, next, current });
      await verbs.verify({ ...at, material: next });
      const failure = await verbs.verify({ ...at, material: secret({ ...newPair() }) }).catch((error: Error) => error);
      // The bundle has classes of its own: an error is known by its name.
      expect(failure).toMatchObject({ name: new Unusable("").name });
    } finally {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    }
  });
});
