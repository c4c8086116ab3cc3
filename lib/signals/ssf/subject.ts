import { identifier, isIdentifier } from "../../core/identifier.ts";
import type { Identifier } from "../../core/types.ts";
import { ofArn } from "../shared/aws.ts";
import { digestOf } from "../shared/bound.ts";

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

const host = (issuer: string | undefined) => issuer?.replace(/^https?:\/\//, "").replace(/\/+$/, "");
const at = (issuer: string | undefined, subject: string | undefined) => identifier("idp", host(issuer), subject);

/** An address or number is somebody's: the ledger keeps it as a digest, which the index can make too. */
const personal = (issuer: string, kind: string, value: string | undefined) =>
  value ? at(issuer, `${kind}:${digestOf(value.toLowerCase()).slice(0, 32)}`) : [];

const ofUri = (issuer: string, uri: string | undefined): readonly Identifier[] => {
  if (uri?.startsWith("arn:")) return ofArn(uri);
  const workload = `workload:${uri}`;
  return uri?.startsWith("spiffe://") && isIdentifier(workload) ? [workload] : at(issuer, uri);
};

type Reader = (fields: Fields, issuer: string, depth: number) => readonly Identifier[];

/** RFC 9493, and the complex subject of the Shared Signals Framework, most specific member first. */
const FORMATS: Readonly<Record<string, Reader>> = {
  iss_sub: (fields) => at(text(fields["iss"]), text(fields["sub"])),
  opaque: (fields, issuer) => at(issuer, text(fields["id"])),
  email: (fields, issuer) => personal(issuer, "email", text(fields["email"])),
  phone_number: (fields, issuer) => personal(issuer, "phone", text(fields["phone_number"])),
  account: (fields, issuer) => ofUri(issuer, text(fields["uri"])),
  uri: (fields, issuer) => ofUri(issuer, text(fields["uri"])),
  did: (fields, issuer) => ofUri(issuer, text(fields["url"])),
  jwt_id: (fields) => at(text(fields["iss"]), text(fields["jti"])),
  aliases: (fields, issuer, depth) =>
    (Array.isArray(fields["identifiers"]) ? fields["identifiers"] : [])
      .slice(0, 20)
      .flatMap((one) => ofSubject(one, issuer, depth + 1)),
  complex: (fields, issuer, depth) =>
    ["session", "application", "user", "device", "group"].flatMap((member) =>
      ofSubject(fields[member], issuer, depth + 1),
    ),
};

/** The names of a subject; those of formats that are not known are left out. */
export const ofSubject = (subject: unknown, issuer: string, depth = 0): readonly Identifier[] => {
  if (!isObject(subject) || depth > 3) return [];
  const format = text(subject["format"]) ?? text(subject["subject_type"])?.replaceAll("-", "_");
  const isComplex = format === undefined && isObject(subject["user"]);
  const name = isComplex ? "complex" : (format ?? "");
  return Object.hasOwn(FORMATS, name) ? (FORMATS[name]?.(subject, issuer, depth) ?? []) : [];
};
