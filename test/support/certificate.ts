import { generateKeyPairSync, sign } from "node:crypto";

const der = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const long = body.length > 127;
  const head = long ? [tag, 0x82, body.length >> 8, body.length & 0xff] : [tag, body.length];
  return Buffer.concat([Buffer.from(head), body]);
};
const sequence = (...parts: readonly Buffer[]) => der(0x30, ...parts);
/** Object identifiers of X.509 (RFC 5280), as their DER bodies. */
const OID = {
  ecdsaSha256: "2a8648ce3d040302",
  commonName: "550403",
  subjectAltName: "551d11",
  basicConstraints: "551d13",
};
const oid = (name: keyof typeof OID) => der(0x06, Buffer.from(OID[name], "hex"));

/** A certificate that signs itself, for that DNS name, as PEM; Node can make keys but not certificates. */
export const certificateFor = (host: string): { readonly cert: string; readonly key: string } => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(der(0x31, sequence(oid("commonName"), der(0x0c, Buffer.from(host)))));
  const validity = sequence(der(0x17, Buffer.from("250101000000Z")), der(0x17, Buffer.from("491231235959Z")));
  const extensions = der(
    0xa3,
    sequence(
      sequence(
        oid("basicConstraints"),
        der(0x01, Buffer.from([0xff])),
        der(0x04, sequence(der(0x01, Buffer.from([0xff])))),
      ),
      sequence(oid("subjectAltName"), der(0x04, sequence(der(0x82, Buffer.from(host))))),
    ),
  );
  const algorithm = sequence(oid("ecdsaSha256"));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: "spki", format: "der" }),
    extensions,
  );
  const signature = der(0x03, Buffer.from([0]), sign("sha256", body, privateKey));
  const text = sequence(body, algorithm, signature)
    .toString("base64")
    .replace(/(.{64})/g, "$1\n")
    .trimEnd();
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
};
