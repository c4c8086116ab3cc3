// x509 finds its algorithms through a container that needs this first.
import "reflect-metadata";
import { createPrivateKey, type webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509Crl,
  X509CrlGenerator,
  X509CrlReason,
} from "@peculiar/x509";
import * as z from "zod/mini";
import { Misconfigured } from "../../core/errors.ts";
import type { Deps } from "../../core/types.ts";
import type { Material, Target } from "./schema.ts";

const Admin = z.looseObject({ certificate: z.string(), privateKey: z.string() });
const A_DAY_MS = 86_400_000;
/** Clocks differ. */
const SKEW_MS = 300_000;
const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

export type Authority = { readonly certificate: X509Certificate; readonly key: webcrypto.CryptoKey };

const complain = (id: string, why: string) =>
  new Misconfigured(
    `Admin secret ${id}: ${why}. It needs certificate and privateKey (EC P-256) of an authority, as PEM.`,
  );

/** The authority that the admin secret holds. Throws Misconfigured where it is none. */
export const authorityOf = async (deps: Deps, { admin }: Target): Promise<Authority> => {
  const parsed = Admin.safeParse((await deps.readAdmin(admin)).reveal());
  if (!parsed.success) throw complain(admin, "certificate or privateKey is missing");
  try {
    const certificate = new X509Certificate(parsed.data.certificate);
    const pkcs8 = createPrivateKey(parsed.data.privateKey).export({ format: "der", type: "pkcs8" });
    const key = await crypto.subtle.importKey("pkcs8", new Uint8Array(pkcs8), EC, false, ["sign"]);
    return { certificate, key };
  } catch {
    // The library's own words may quote the key.
    throw complain(admin, "its certificate or private key cannot be read");
  }
};

/** 16 random bytes, positive and without leading zero, so that every reader writes them alike. */
const serial = (random: Deps["random"]): string => {
  const bytes = random(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString("hex");
};

const pem = (label: string, der: ArrayBuffer) => {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
};

type Issue = { readonly target: Target; readonly authority: Authority; readonly lifeMs?: number };

/** A new key pair and a certificate for client authentication over it. Never outlives its authority. */
export const certify = async ({ clock, random }: Deps, { target, authority, lifeMs }: Issue): Promise<Material> => {
  const keys = await crypto.subtle.generateKey(EC, true, ["sign", "verify"]);
  const now = Date.parse(clock.now());
  const end = Math.min(now + (lifeMs ?? Number(target.days) * A_DAY_MS), authority.certificate.notAfter.getTime());
  if (end <= now) throw complain(target.admin, "the authority has expired");
  const names = [
    ...target.dns.map((value) => ({ type: "dns" as const, value })),
    ...(target.uri ? [{ type: "url" as const, value: target.uri }] : []),
  ];
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(random),
    subject: [{ CN: [target.subject] }],
    issuer: authority.certificate.subjectName.toJSON(),
    notBefore: new Date(now - SKEW_MS),
    notAfter: new Date(end),
    signingAlgorithm: EC,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
      ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return {
    certificate: `${certificate.toString("pem")}\n`,
    privateKey: pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
    ca: `${authority.certificate.toString("pem")}\n`,
  };
};

export type Listed = { readonly serial: string; readonly at: Date };
const normal = (text: string) => text.toLowerCase().replace(/^0+/, "");
export const serialOf = ({ certificate }: Material): string => normal(new X509Certificate(certificate).serialNumber);
export const endOf = ({ certificate }: Material): number => new X509Certificate(certificate).notAfter.getTime();

export type List = { readonly entries: readonly Listed[]; readonly nextUpdate: number };

/** What a list says. Throws Misconfigured when it is none of this authority's: it would be replaced with less. */
export const readList = async (text: string, { crl }: Target, { certificate }: Authority): Promise<List> => {
  try {
    const list = new X509Crl(text);
    if (!(await list.verify({ publicKey: certificate }))) throw new Error("another authority");
    const entries = list.entries.map(({ serialNumber, revocationDate }) => ({
      serial: normal(serialNumber),
      at: revocationDate,
    }));
    return { entries, nextUpdate: list.nextUpdate?.getTime() ?? 0 };
  } catch {
    throw new Misconfigured(
      `S3 object ${crl} is no revocation list of the authority in rekey:admin. Correct tag rekey:crl, or take it away.`,
    );
  }
};

/**
 * A list is good for three lives of a certificate and every rotation signs it anew: servers refuse everybody once it has
 * expired.
 */
const LIVES = 3;
/** The longest life that a certificate can have: an entry is needed no longer. */
const LONGEST_MS = 397 * A_DAY_MS;
/** On hold: the one reason that can be undone (RFC 5280 §5.3.1). */
const reason = X509CrlReason.certificateHold;

export const writeList = async (
  { clock }: Deps,
  { target, authority }: Issue,
  entries: readonly Listed[],
): Promise<string> => {
  const now = Date.parse(clock.now());
  const needed = entries.filter(({ at }) => at.getTime() + LONGEST_MS > now);
  const list = await X509CrlGenerator.create({
    issuer: authority.certificate.subjectName.toJSON(),
    thisUpdate: new Date(now - SKEW_MS),
    nextUpdate: new Date(now + LIVES * Number(target.days) * A_DAY_MS),
    entries: needed.map(({ serial: serialNumber, at: revocationDate }) => ({ serialNumber, revocationDate, reason })),
    signingAlgorithm: EC,
    signingKey: authority.key,
    extensions: [await AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey)],
  });
  // The library writes another label, which OpenSSL does not read (RFC 7468 §6).
  return pem("X509 CRL", list.rawData);
};
