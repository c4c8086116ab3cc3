import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isIdentifier } from "../../lib/core/identifier.ts";
import { fingerprintOf } from "../../lib/rotators/ssh-key/fingerprint.ts";
import { generate, isSound } from "../../lib/rotators/ssh-key/generate.ts";
import rotator from "../../lib/rotators/ssh-key.ts";
import { rotatorContract } from "../contract/rotator.ts";
import { arrangeKey, targetOf } from "../support/ssh.ts";
import { type Sshd, sshSuite, startSshd } from "../support/ssh-server.ts";

let server: Sshd;
const asked: unknown[] = [];

sshSuite("ssh-key on a real sshd", () => {
  beforeAll(async () => {
    server = await startSshd(5860);
  }, 300_000);
  afterAll(async () => server?.stop());

  rotatorContract("ssh-key", () => arrangeKey(server, asked), { lacks: ["sweep", "stranger"] });

  it("showed the function no private key, and the server's log none either", async () => {
    expect(asked.length).toBeGreaterThan(20);
    expect(JSON.stringify(asked)).not.toMatch(/PRIVATE KEY|privateKey/);
    expect(await server.log()).not.toContain("PRIVATE KEY");
  });
});

describe("generated keys", () => {
  const place = { port: 22, hostKey: "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU" };
  /** What OpenSSH itself makes of a private key. */
  const readBy = (dir: string, privateKey: string) => {
    const file = join(dir, "key");
    writeFileSync(file, privateKey, { mode: 0o600 });
    const publicKey = String(execFileSync("ssh-keygen", ["-y", "-P", "", "-f", file])).trim();
    rmSync(file);
    return publicKey;
  };
  it.each([
    ["ed25519", 300],
    ["ecdsa-p256", 40],
    ["rsa-4096", 1],
  ] as const)(
    "of type %s are read by OpenSSH, and alike",
    (keyType, count) => {
      const dir = mkdtempSync(join(tmpdir(), "rekey-keys-"));
      const target = targetOf(place, { keyType });
      for (let i = 0; i < count; i++) {
        const { privateKey, publicKey } = generate(target);
        expect(readBy(dir, privateKey).split(" ").slice(0, 2)).toEqual(publicKey.split(" ").slice(0, 2));
        expect(publicKey).toMatch(/ rekey\s*$/);
      }
      rmSync(dir, { recursive: true });
    },
    60_000,
  );

  it("are never the short ones that the library writes once in a while", () => {
    for (let draws = 0; ; draws++) {
      const made = ssh2.utils.generateKeyPairSync("ed25519");
      const isShort = Buffer.from(made.public.split(" ")[1] ?? "", "base64").length < 51;
      if (isShort) {
        expect(isSound({ privateKey: made.private, publicKey: made.public })).toBe(false);
        return;
      }
      // 1 in 256 is: 10,000 in a row that are not would be a library that has been mended.
      expect(draws).toBeLessThan(10_000);
    }
  });

  it("are named as ssh-keygen names them", () => {
    const { privateKey, publicKey } = generate(targetOf(place));
    const listed = String(execFileSync("ssh-keygen", ["-l", "-f", "-"], { input: publicKey }));
    expect(listed).toContain(` ${fingerprintOf(publicKey)} `);
    const names = rotator.identifiers(targetOf(place), { privateKey, publicKey }, "111122223333");
    expect(names.filter((name) => !isIdentifier(name))).toEqual([]);
  });
});
