import "reflect-metadata";
import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createSecureContext, createServer } from "node:tls";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { freePort } from "../../local/process.ts";

const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const A_DAY_MS = 86_400_000;

const privatePem = async (key: Awaited<ReturnType<typeof newKeys>>["privateKey"]) => {
  const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)?.join("\n")}\n-----END PRIVATE KEY-----\n`;
};
const newKeys = () => crypto.subtle.generateKey(EC, true, ["sign", "verify"]);

/** An authority of a test's own, and a server certificate of it for `localhost`. */
export const newAuthority = async (days = 3_650) => {
  const [keys, server] = await Promise.all([newKeys(), newKeys()]);
  const span = { notBefore: new Date(Date.now() - A_DAY_MS), notAfter: new Date(Date.now() + days * A_DAY_MS) };
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...span,
    serialNumber: "01",
    name: `CN=Authority ${crypto.randomUUID()}`,
    keys,
    signingAlgorithm: EC,
    extensions: [
      new BasicConstraintsExtension(true, 1, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const serverCertificate = await X509CertificateGenerator.create({
    ...span,
    serialNumber: "02",
    subject: "CN=localhost",
    issuer: certificate.subject,
    publicKey: server.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: EC,
    extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }])],
  });
  return {
    admin: { certificate: `${certificate.toString("pem")}\n`, privateKey: await privatePem(keys.privateKey) },
    server: { cert: `${serverCertificate.toString("pem")}\n`, key: await privatePem(server.privateKey) },
  };
};
export type TestAuthority = Awaited<ReturnType<typeof newAuthority>>;

/** Node as a server that asks for certificates and reads the list again for each connection. */
export const startNodeServer = async ({ admin, server }: TestAuthority, list: () => Promise<string>) => {
  const context = { ...server, ca: admin.certificate };
  const listening = createServer(
    {
      ...context,
      requestCert: true,
      rejectUnauthorized: true,
      SNICallback: (_, done) =>
        void list().then(
          (crl) => done(null, createSecureContext({ ...context, crl })),
          (error: Error) => done(error),
        ),
    },
    (socket) => socket.on("error", () => undefined),
  );
  listening.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `localhost:${(listening.address() as AddressInfo).port}`,
    stop: async () => void listening.close(),
  };
};

const isListening = (child: ChildProcess) =>
  new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      if (chunk.toString().includes("ACCEPT")) resolve();
    });
    child.on("exit", (code) => reject(new Error(`openssl s_server ended with ${code}`)));
  });

/** OpenSSL's own server, which alerts; it reads the list when it starts. */
export const startOpenSsl = async ({ admin, server }: TestAuthority, dir: string, crl: string, tls = "-tls1_3") => {
  const port = await freePort();
  const files = { "ca.pem": admin.certificate, "cert.pem": server.cert, "key.pem": server.key, "list.pem": crl };
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(dir, name), text)));
  const flags = ["-Verify", "1", "-verify_return_error", "-crl_check"];
  const named = ["-cert", "cert.pem", "-key", "key.pem", "-CAfile", "ca.pem", "-CRL", "list.pem"];
  const child = spawn("openssl", ["s_server", "-accept", `127.0.0.1:${port}`, tls, ...named, ...flags], {
    cwd: dir,
    stdio: ["pipe", "pipe", "ignore"],
  });
  await isListening(child);
  return { endpoint: `localhost:${port}`, stop: () => child.kill("SIGKILL") };
};
